"""The same mischief for plain Celery with django-celery-beat, as far as its load can be the same.

python -m tests.chaos.celery_peer --minutes 3

Only schedules that are due every so many seconds, and callables that work and end: overlap, limits,
retries as rows, and asking with a key have no counterpart there. One beat, as its documents demand.
"""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.peer_environment import find_peers
from tests.chaos.load import JOBS
from tests.chaos.mischief import Mischief, Plan
from tests.chaos.own_servers import OwnServers, open_own_servers
from tests.chaos.stage import Role, Stage
from tests.project import Project, open_project
from tests.waiting import wait_until

_APP = Path(__file__).parent / "programs" / "peer_app.py"
_REPOSITORY = Path(__file__).parent.parent.parent
_SETTINGS = "benchmarks.peer_programs.django_settings"
_STARTS_WITHIN = timedelta(seconds=15)
_STILL_SECONDS, _SETTLES_WITHIN_SECONDS = 30.0, 150.0
_INTERVALS = """
    INSERT INTO django_celery_beat_intervalschedule (every, period)
    SELECT DISTINCT every, 'seconds' FROM given
"""
_TASKS = """
    INSERT INTO django_celery_beat_periodictask
           (name, task, args, kwargs, headers, one_off, enabled, total_run_count, date_changed,
            description, start_time, expires, interval_id)
    SELECT name, 'peer.works', jsonb_build_array(name, seconds), '{}', '{}', false, true, 0, now(),
           '', %(start)s, %(end)s,
           (SELECT min(id) FROM django_celery_beat_intervalschedule AS i WHERE i.every = given.every)
      FROM given
"""


@dataclass(frozen=True)
class _Periodic:
    every: int
    seconds: float


def periodic() -> Mapping[str, _Periodic]:
    """The part of the load that can be said there."""
    return {
        name: _Periodic(int(every.removesuffix("s")), job.get("kwargs", {}).get("seconds", 0.0))
        for name, job in JOBS.items()
        if job["task"] == "work.works"
        and job["overlap"] == "allow"
        and "max_concurrency" not in job
        and (every := job.get("schedule", {}).get("every"))
    }


def main() -> int:
    """One table; always 0: it is a comparison, and no test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    python = find_peers()
    if python is None:
        return 1
    with (
        open_own_servers() as servers,
        open_project(servers.supervisor, servers.database_url, servers.broker_url) as project,
    ):
        _play(project, servers, python, Plan(seconds=options.minutes * 60, seed=options.seed))
    return 0


def _play(project: Project, servers: OwnServers, python: Path, plan: Plan) -> None:
    journal = project.path / "journal"
    project.write("peer_app.py", _APP.read_text(encoding="utf-8"))
    project.environment |= {
        "CHAOS_JOURNAL": str(journal),
        "DJANGO_SETTINGS_MODULE": _SETTINGS,
        "PYTHONPATH": str(_REPOSITORY),
    }
    subprocess.run(
        [str(python), "-m", "django", "migrate", "--verbosity", "0"],
        cwd=project.path,
        env=project.environment,
        check=True,
    )
    start = datetime.now(UTC) + _STARTS_WITHIN
    _define(servers.database_url, start, start + timedelta(seconds=plan.seconds))
    stage = Stage(project, _roles(python))
    stage.fill()
    wait_until(lambda: all(role.is_up for role in stage.roles), timeout_seconds=60)
    time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
    mischief = Mischief(plan, stage, servers)
    mischief.play(_tell, lambda: False)
    _settle(mischief, journal)
    for role in stage.roles:
        stage.kill(role)
    _report(mischief, journal, plan.seconds)


def _roles(python: Path) -> tuple[Role, ...]:
    celery = (str(python), "-m", "celery", "-A", "peer_app")
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    worker = ("worker", "-c", "2", "--without-mingle", "--without-gossip")
    return (
        Role("beat-0", (*celery, "beat", "-S", scheduler, "--loglevel", "info"), "beat: Starting"),
        *(
            Role(
                f"worker-{n}", (*celery, *worker, "-n", f"w{n}@%h", "--loglevel", "info"), "ready."
            )
            for n in range(2)
        ),
    )


def _define(database_url: str, start: datetime, end: datetime) -> None:
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE given (name text, every int, seconds float)")
        for name, one in periodic().items():
            cursor.execute("INSERT INTO given VALUES (%s, %s, %s)", (name, one.every, one.seconds))
        cursor.execute(_INTERVALS)
        cursor.execute(_TASKS, {"start": start, "end": end})
    connection.close()


def _settle(mischief: Mischief, journal: Path) -> None:
    """Until nothing has been written for long. What waits for its visibility time-out waits an hour."""
    deadline = time.monotonic() + _SETTLES_WITHIN_SECONDS
    size, still_since = -1, time.monotonic()
    while time.monotonic() < min(deadline, still_since + _STILL_SECONDS):
        mischief.calm()
        now = journal.stat().st_size if journal.exists() else 0
        if now != size:
            size, still_since = now, time.monotonic()
        time.sleep(0.2)


def _report(mischief: Mischief, journal: Path, seconds: float) -> None:
    lines = [tuple(line.split()) for line in journal.read_text(encoding="ascii").splitlines()]
    due = {name: int(seconds / one.every) for name, one in periodic().items()}
    starts = Counter(message for word, _, message in lines if word == "START")
    ended: dict[str, set[str]] = {
        name: {message for word, of, message in lines if (word, of) == ("END", name)}
        for name in due
    }
    columns: dict[str, Any] = {
        "deaths": mischief.stage.deaths, "frozen": mischief.stage.freezes,
        "wipes": mischief.wipes, "restarts": mischief.restarts, "due": sum(due.values()),
        "started": len(starts), "completed": sum(map(len, ended.values())),
        "extra starts": starts.total() - len(starts),
        "lost": sum(max(0, number - len(ended[name])) for name, number in due.items()),
    }  # fmt: skip
    _say("  ".join(columns))
    _say("  ".join(f"{number:>{len(name)},}" for name, number in columns.items()))


def _tell(_: float) -> None:
    """Its workers say enough."""


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
