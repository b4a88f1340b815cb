"""What is defined in a chaos run: jobs of every kind, and what each allows to happen to a run."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.project import Project

WORK = Path(__file__).parent / "programs" / "work.py"
_RETRY = {"max_retries": 3, "backoff": "fixed", "delay": "1s"}
_WITHOUT_WORK: Mapping[str, Any] = {"task": "work.works", "overlap": "allow", "retry": _RETRY}
_CRONS = {"seconds": "*/3 * * * * *", "list": "1-59/4 * * * * *", "far": "7,23,41 * * * * *"}


def _every(seconds: int, task: str, /, *, kwargs: Mapping[str, object], **job: Any) -> Any:
    return {
        "task": f"work.{task}",
        "kwargs": dict(kwargs),
        "retry": _RETRY,
        "schedule": {"every": f"{seconds}s"},
        **job,
    }


JOBS: Mapping[str, Any] = {
    **{f"tick-{n}": {**_WITHOUT_WORK, "schedule": {"every": "1s"}} for n in range(4)},
    **{
        f"cron-{name}": {
            **_WITHOUT_WORK,
            "schedule": {"cron": cron, "timezone": "Asia/Kathmandu"},
        }
        for name, cron in _CRONS.items()
    },
    "several": {
        **_WITHOUT_WORK,
        "overlap": "skip",
        "schedules": {f"s{n}": {"every": f"{n}s"} for n in (1, 2, 3)},
    },
    "skip": _every(2, "works", kwargs={"seconds": 0.8}, overlap="skip"),
    "queue": _every(3, "works", kwargs={"seconds": 0.8}, overlap="queue"),
    "replace": _every(5, "works", kwargs={"seconds": 3.0}, overlap="replace"),
    "limited": _every(2, "works", kwargs={"seconds": 0.5}, overlap="allow", max_concurrency=1),
    "long": _every(8, "works", kwargs={"seconds": 3.0}, overlap="allow"),
    "on-lost-fail": _every(2, "works", kwargs={"seconds": 0.4}, overlap="allow", on_lost="fail"),
    "fails-once": _every(2, "fails", kwargs={"until_attempt": 1}, overlap="allow"),
    "fails": _every(4, "fails", kwargs={"until_attempt": 99}, overlap="allow", retry=0),
    "forks": _every(4, "forks", kwargs={"seconds": 0.4}, overlap="allow"),
    "prints": _every(5, "prints", kwargs={"seconds": 1.5}, overlap="allow"),
    "waits": _every(2, "waits", kwargs={"seconds": 0.2}, overlap="allow"),
    "by-hand": {"task": "work.asked", "overlap": "allow", "retry": _RETRY},
}
"""By name."""


def retries_when_lost(job: str) -> int:
    """How often a run of that job is started again when its worker has died."""
    definition = JOBS[job]
    if definition.get("on_lost") == "fail" or not definition["retry"]:
        return 0
    retries: int = definition["retry"]["max_retries"]
    return retries


def write_load(project: Project, start: datetime, end: datetime) -> None:
    """The definitions, due from `start` on and until `end`: so all that is owed is known."""
    project.write("work.py", WORK.read_text(encoding="utf-8"))
    bounds = {"start_at": start.isoformat(), "end_at": end.isoformat()}
    jobs = {name: _bounded(job, bounds) for name, job in JOBS.items()}
    text = yaml.safe_dump({"version": 1, "namespace": "chaos", "jobs": jobs})
    project.write("jobs.d/chaos.yaml", text)


def _bounded(job: Mapping[str, Any], bounds: Mapping[str, str]) -> dict[str, Any]:
    bounded = dict(job)
    if "schedule" in job:
        bounded["schedule"] = {**job["schedule"], **bounds}
    if "schedules" in job:
        bounded["schedules"] = {n: {**s, **bounds} for n, s in job["schedules"].items()}
    return bounded
