"""Beats that are killed and frozen at random must give the run set of one that is left alone.

    python -m tests.promises.beats --beats 5 --seconds 60 --acts kill,freeze

Sixty schedules are due every one to five seconds. Each second one beat is killed and started anew, or
frozen for six seconds. What the schedules owe is known beforehand, from `due_times`.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from sqlalchemy import Engine, text

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.project import Project, StartedProcess, open_project
from tests.promises.drain import open_drain
from tests.promises.due_times import Due, Schedule, due_after
from tests.promises.message_log import open_message_log
from tests.promises.outcome import CAUSES, SECOND, Act, History, Outcome, judge, read_rows
from tests.servers import empty_virtual_host, open_database, open_servers
from tests.waiting import wait_until

FROZEN = 6 * SECOND
LEFT_ALONE = SECOND
"""A beat that is back is spared for so long: the bounds are for one act, not for two in a row."""
APPLIED_WITHIN = 8 * SECOND
"""The first time is due so long after the beats have started."""
SETTLED_SECONDS = 60.0
_READY = "database_connected"
_TASKS = "def nothing() -> None:\n    pass\n"
_CRONS = ("*/2 * * * * *", "*/3 * * * * *", "1-59/5 * * * * *", "7,23,41 * * * * *", "* * * * * *")
_CRON_ZONES = ("UTC", "Europe/Paris", "Asia/Kathmandu")

_IS_SETTLED = text("""
    SELECT NOT EXISTS (SELECT 1 FROM jobrunner.schedules WHERE next_run_at IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM jobrunner.runs WHERE state = 'queued' AND sent_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM jobrunner.outbox)
""")


@dataclass(frozen=True)
class Plan:
    """How many beats, for how long, and what is done to them: `kill`, `freeze` or both."""

    beats: int
    seconds: int
    acts: tuple[str, ...]
    seed: int = 1


# --- What is defined, and owed ---------------------------------------------------------------------


def make_schedules() -> dict[str, Schedule]:
    """Sixty schedules by `job#schedule`; jobs whose name starts with `skip` are worked off at once."""
    found: dict[str, Schedule] = {}
    for n in range(20):
        found[f"aligned-{n}#default"] = Schedule(every=(1 + n % 5) * SECOND)
    for n in range(15):
        jitter = timedelta(milliseconds=300 + 100 * n)
        found[f"jitter-{n}#default"] = Schedule(every=(1 + n % 5) * SECOND, jitter=jitter)
    for n in range(10):
        found[f"cron-{n}#default"] = Schedule(cron=_CRONS[n % 5], timezone=_CRON_ZONES[n % 3])
    for n in range(5):
        found[f"skip-{n}#default"] = Schedule(every=(1 + n) * SECOND)
        found[f"several#s{n}"] = Schedule(every=(1 + n) * SECOND)
        found[f"skip-several#s{n}"] = Schedule(every=(1 + n) * SECOND)
    return found


def bounded(
    schedules: Mapping[str, Schedule], start: datetime, end: datetime
) -> dict[str, Schedule]:
    """The same from `start` on and until `end`, so that all that is owed is known."""
    return {
        key: replace(schedule, start_at=start, end_at=end) for key, schedule in schedules.items()
    }


def all_due(schedules: Mapping[str, Schedule]) -> dict[tuple[str, datetime], Due]:
    """What is owed, by schedule and nominal time."""
    owed = {}
    for key, schedule in schedules.items():
        start, end = schedule.start_at, schedule.end_at
        assert start is not None
        assert end is not None
        for due in due_after(schedule, f"promise/{key}", start - SECOND):
            owed[key, due.nominal] = due
    return owed


def job_file(schedules: Mapping[str, Schedule]) -> str:
    """The definitions as YAML."""
    jobs: dict[str, Any] = {}
    for key, schedule in schedules.items():
        job, _, name = key.partition("#")
        is_skip = job.startswith("skip")
        defined = jobs.setdefault(
            job,
            {
                "task": "work.nothing",
                "overlap": "skip" if is_skip else "allow",
                "queue": "quick" if is_skip else "default",
                "schedules": {},
            },
        )
        defined["schedules"][name] = schedule.fields
    return yaml.safe_dump({"version": 1, "namespace": "promise", "jobs": jobs})


# --- What happens ----------------------------------------------------------------------------------


def play(project: Project, engine: Engine, plan: Plan) -> Outcome:
    """Start the beats, apply, let things happen to them, wait until all is done, and look."""
    project.write("work.py", _TASKS)
    broker_url = project.environment["JOBRUNNER_BROKER_URL"]
    with open_message_log(broker_url) as log, open_drain(engine, broker_url, "quick"):
        beats = _Beats(project, plan)
        start = datetime.now(UTC).replace(microsecond=0) + APPLIED_WITHIN
        end = start + plan.seconds * SECOND
        schedules = bounded(make_schedules(), start, end)
        project.write("jobs.d/promise.yaml", job_file(schedules))
        applied = project.call("apply", "--yes")
        assert applied.returncode == 0, applied.stderr
        assert datetime.now(UTC) < start, "the apply took too long for this test to say anything"
        acts = beats.live_through(start, end)
        wait_until(lambda: _is_settled(engine), timeout_seconds=SETTLED_SECONDS)
    for beat in project.started:
        beat.kill_if_alive()
    return judge(read_rows(engine), all_due(schedules), log.arrivals, History(plan.beats, acts))


class _Beats:
    """The beats that are to be alive, and what was done to them."""

    def __init__(self, project: Project, plan: Plan) -> None:
        self._project = project
        self._plan = plan
        self._source = random.Random(plan.seed)  # noqa: S311  victims, no secrets
        self._alive = [project.start("beat") for _ in range(plan.beats)]
        self._frozen: dict[StartedProcess, Act] = {}
        self._starting: dict[StartedProcess, Act] = {}
        self._back_at: dict[StartedProcess, datetime] = {}
        self._acts: list[Act] = []
        for beat in self._alive:
            beat.wait_for_line(_READY, timeout_seconds=SETTLED_SECONDS)

    def live_through(self, start: datetime, end: datetime) -> list[Act]:
        """One act a second or so of [start, end); everybody is awake again when it returns."""
        while (now := max(start, datetime.now(UTC))) < end:
            self._wait_for(now + SECOND * (0.5 + self._source.random()))
            self._act()
        while self._frozen or self._starting:
            self._wait_for(datetime.now(UTC) + SECOND / 20)
        return self._acts

    def _wait_for(self, moment: datetime) -> None:
        while (now := datetime.now(UTC)) < moment:
            self._note_who_is_back(now)
            time.sleep(0.01)

    def _note_who_is_back(self, now: datetime) -> None:
        for beat, act in list(self._frozen.items()):
            if now >= act.at + FROZEN:
                os.kill(beat.pid, signal.SIGCONT)
                act.until = self._back_at[beat] = now
                del self._frozen[beat]
        for beat, act in list(self._starting.items()):
            if _READY in beat.output:
                act.until = self._back_at[beat] = now
                del self._starting[beat]

    def _act(self) -> None:
        now = datetime.now(UTC)
        away = {*self._frozen, *self._starting}
        victims = [
            beat for beat in self._alive if beat not in away and self._has_been_up(beat, now)
        ]
        if not victims:
            return  # with one beat: it is away already
        victim = self._source.choice(victims)
        act = Act(self._source.choice(self._plan.acts), now)
        self._acts.append(act)
        if act.kind == "freeze":
            os.kill(victim.pid, signal.SIGSTOP)
            self._frozen[victim] = act
            return
        victim.kill()
        self._alive.remove(victim)
        self._alive.append(self._project.start("beat"))
        self._starting[self._alive[-1]] = act

    def _has_been_up(self, beat: StartedProcess, now: datetime) -> bool:
        return now - self._back_at.get(beat, now - LEFT_ALONE) >= LEFT_ALONE


def _is_settled(engine: Engine) -> bool:
    with engine.begin() as connection:
        return bool(connection.execute(_IS_SETTLED).scalar_one())


def main() -> int:
    """Print a table; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--beats", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--acts", default="kill,freeze")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plan = Plan(options.beats, options.seconds, tuple(options.acts.split(",")), options.seed)
    with ExitStack() as stack:
        servers = stack.enter_context(open_servers())
        database_url = stack.enter_context(open_database(servers))
        broker_url = empty_virtual_host(servers, process=0, processes=1)
        supervisor = stack.enter_context(Supervisor())
        project = stack.enter_context(open_project(supervisor, database_url, broker_url))
        engine = make_engine(database_url, application_name="promises")
        stack.callback(engine.dispose)
        outcome = play(project, engine, plan)
    for line in lines_of(plan, outcome):
        print(line)  # noqa: T201
    return 1 if outcome.broken else 0


def lines_of(plan: Plan, outcome: Outcome) -> Iterator[str]:
    """The outcome as a table."""
    acts = ", ".join(f"{kind} {n}" for kind, n in outcome.acts.items()) or "none"
    yield f"{plan.beats} beats, {plan.seconds} s, seed {plan.seed}; acts: {acts}"
    yield f"rows {outcome.rows}, sent twice because of an act {outcome.doubles}"
    yield "latest, in seconds   recorded       sent"
    recorded, sent = outcome.recorded_late.longest, outcome.sent_late.longest
    for cause in reversed(CAUSES):
        if cause in recorded or cause in sent:
            yield f"  {cause:<16}{recorded.get(cause, 0.0):>11.3f}{sent.get(cause, 0.0):>11.3f}"
    yield f"broken promises: {len(outcome.broken)}"
    yield from outcome.broken[:50]


if __name__ == "__main__":
    sys.exit(main())
