"""A plan with every kind of change, under a clock that stands still, and how it is shown.

`python -m tests.plan.golden_plan`, in the project's folder, writes the files of `golden/` anew: look at
what has changed in them before it is committed.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobrunner.beside import shared
from jobrunner.cli.plan_markdown import plan_markdown
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.style import unstyle
from jobrunner.plan.changes import Plan
from jobrunner.plan.current import CurrentJob, CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.plan.pause import PauseInForce
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import DefinedNotifier, Move
from tests.plan.test_diff import NOW, in_force, job

GOLDEN = Path(__file__).parent / "golden"
HOSTS = [f"db-{number:02}.internal.example" for number in range(12)]


def documents() -> Mapping[str, str]:
    """File name → the plan in that form."""
    plan = every_kind_of_change()
    return {
        "plan.txt": "\n".join(unstyle(line) for line in plan_lines(plan)) + "\n",
        "plan.json": json.dumps(plan.as_json(), indent=2, ensure_ascii=False) + "\n",
        "plan.md": plan_markdown(plan),
    }


MOVES = (Move("crm/contact-sync", "crm/sync-contacts", Location(file="j.yaml", line=9)),)


NOTIFIERS = {
    "oncall": DefinedNotifier({"secret": "env:ONCALL_URL"}, Location("jobrunner.yaml", 5)),
    "pager": DefinedNotifier("tgram://123456:token/chat", Location("jobrunner.yaml", 6)),
    "team": DefinedNotifier("smtp://mail.example.com?to=team@example.com", Location("j.yaml", 7)),
}


def every_kind_of_change() -> Plan:
    """Of the project `acme-jobs`, base revision 41."""
    current = in_database()
    plan = make_plan(current, in_files(), now=NOW, environment="prod", moves=MOVES, each=shared)
    plan = with_notifiers(plan, current.notifiers, NOTIFIERS)
    return replace(plan, signatures={"reports.tasks.build": "build(batch_size: int = 100)"})


def in_files() -> list[DefinedJob]:
    return [
        _at(
            "billing/charge-cards", 12,
            {"schedules.nightly.cron": 19},
            owner="payments", kwargs={"batch_size": 500}, retry={"max_retries": 3},
            schedules=[{"name": "nightly", "cron": "15 2 * * *", "timezone": "Europe/Berlin"}],
        ),
        _at("billing/once-more", 40, {}, schedules=[{"every": "1h"}]),
        _at(
            "reports/nightly", 8,
            {"schedules.default.cron": 24, "kwargs.api_key": 15, "kwargs.hosts": 16},
            owner="data-platform",
            kwargs={"api_key": {"secret": "env:REPORTS_API_KEY"}, "hosts": [*HOSTS[:5], "new", *HOSTS[6:]]},
            schedules=[_weekdays("30 5 * * 1-5")],
        ),
        _at("reports/midday", 50, {"schedules.default.cron": 52}, schedules=[{"cron": "0 18 * * *"}]),
        _at(
            "reports/seldom", 60, {"schedules.default.max_runs": 62},
            schedules=[{"cron": "0 6 * * *", "max_runs": 4}],
        ),
        _at("crm/sync-contacts", 30, {}, schedules=[{"every": "15m"}]),
        _at("crm/dedupe", 70, {"schedules.default.every": 72}, schedules=[{"every": "15m"}]),
        _at("crm/mixed", 80, {"queue": 82, "priority": 83}, queue="crm", priority=6),
        _at("crm/same", 90, {}),
    ]  # fmt: skip


def in_database() -> CurrentProject:
    current = in_force(
        _at(
            "reports/nightly", 8, {}, owner="data-platform",
            kwargs={"api_key": {"secret": "env:REPORTS_KEY"}, "hosts": HOSTS},
            schedules=[_weekdays("0 6 * * 1-5")],
        ),
        _at("reports/midday", 50, {}, queue="slow", schedules=[{"cron": "0 6 * * *"}]),
        _at("reports/seldom", 60, {}, schedules=[{"cron": "0 6 * * *"}]),
        _at("crm/contact-sync", 30, {}, schedules=[{"every": "15m"}]),
        _at("crm/dedupe", 70, {}, schedules=[{"every": "15m"}]),
        _at("crm/mixed", 80, {}, queue="crm"),
        _at("crm/same", 90, {}),
        _at("legacy/ftp-poll", 5, {}, schedules=[{"every": "5m"}]),
        name="acme-jobs",
        environment="prod",
        deleted={"billing/once-more": 37},
        served_queues=frozenset({"default"}),
        notifiers={
            "chat": "https://hooks.example.com/T000/B000/XXXX",
            "oncall": "https://ada:password@pager.example.com/in",
            "team": "smtp://mail.example.com?to=team@example.com",
        },
        pauses=(
            PauseInForce("job", "reports/nightly", "", "ops", NOW - timedelta(days=1), None),
            PauseInForce("job", "crm/contact-sync", "", "ops", NOW - timedelta(days=1), None),
            PauseInForce("namespace", "billing", "", "ops", NOW, NOW + timedelta(hours=6)),
            PauseInForce("queue", "slow", "new disks", "ada", NOW - timedelta(hours=2), None),
        ),
    )  # fmt: skip
    return replace(current, jobs=tuple(map(_by_hand, current.jobs)))


def _by_hand(current: CurrentJob) -> CurrentJob:
    """What has become of them in the database."""
    match current.address:
        case "crm/dedupe":
            return _edited(current, schedules=[{"name": "default", "every": "10m"}])
        case "crm/mixed":
            return _edited(current, queue="other")
        case "reports/midday":
            ran = replace(current.schedules[0], last_run_at=NOW - timedelta(hours=6))
            return replace(current, schedules=(ran,))
        case "legacy/ftp-poll":
            ran = replace(current.schedules[0], last_run_at=NOW - timedelta(minutes=4))
            return replace(current, schedules=(ran,), active_runs=1)
        case _:
            return current


def _edited(current: CurrentJob, **fields: Any) -> CurrentJob:
    assert current.in_force is not None
    found = job(
        current.address, **{**current.in_force.model_dump(exclude={"name", "namespace"}), **fields}
    ).spec
    schedules = tuple(
        replace(row, spec=spec)
        for row, spec in zip(current.schedules, found.schedules, strict=True)
    )
    return replace(current, in_force=found, schedules=schedules)


def _weekdays(cron: str) -> dict[str, str]:
    return {"cron": cron, "timezone": "Europe/Berlin"}


def _at(address: str, line: int, lines: dict[str, int], **fields: Any) -> DefinedJob:
    made = job(address, **fields)
    location = Location(file=f"jobs.d/{made.spec.namespace}.yaml", line=line)
    return made._replace(location=location, field_lines=lines)


if __name__ == "__main__":
    for name, document in documents().items():
        (GOLDEN / name).write_text(document, encoding="utf-8")
