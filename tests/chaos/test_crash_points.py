"""A process that dies between two of its steps: each named place once, and everything comes right."""

import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, TextClause, text

from jobrunner.db.engine import transaction
from jobrunner.fsck import check_ledger
from jobrunner.triggers import trigger_run
from tests.chaos.evidence import Touch, read_evidence
from tests.chaos.judge import faults, unfinished
from tests.chaos.stage import BEAT, WORKER, Role, Stage
from tests.ledger import Ledger
from tests.project import Project
from tests.servers import Servers, empty_virtual_host_of
from tests.waiting import wait_until

PROGRAMS = Path(__file__).parent / "programs"
_DIES_WITHIN_SECONDS = 60.0
_SETTLES_WITHIN_SECONDS = 90.0
_RETRIES = 3
_RETRY = {"max_retries": _RETRIES, "backoff": "fixed", "delay": "1s"}
_LEFT = text("""
    SELECT (SELECT count(*) FROM jobrunner.runs WHERE state IN ('queued', 'running'))
         + (SELECT count(*) FROM jobrunner.schedules WHERE next_run_at IS NOT NULL)
         + (SELECT count(*) FROM jobrunner.outbox)
""")
# With its batch: one that is not done with would be sent again by the next beat.
_WAITING = text("""
    SELECT count(*) FROM jobrunner.runs
     WHERE state = 'queued' AND sent_at IS NOT NULL AND NOT EXISTS (SELECT FROM jobrunner.outbox)
""")
_AGE = text("UPDATE jobrunner.runs SET lease_until = now() - interval '1 second'")


class Place:
    """A project with one beat and one worker, one of which dies once at a named place."""

    def __init__(self, project: Project, engine: Engine) -> None:
        self.project = project
        self.engine = engine
        self.journal = project.path / "journal"
        self.beat = Role("beat-0", BEAT, "database_connected")
        self.worker = Role("worker-0", WORKER, " ready.")
        project.environment["CHAOS_JOURNAL"] = str(self.journal)
        project.write("work.py", (PROGRAMS / "work.py").read_text(encoding="utf-8"))

    def define(self, task: str = "works", **job: object) -> None:
        """One job; it is due twice when it has a schedule."""
        defined = {"task": f"work.{task}", "overlap": "allow", "retry": _RETRY, **job}
        document = {"version": 1, "namespace": "chaos", "jobs": {"job": defined}}
        self.project.write("jobs.d/chaos.yaml", yaml.safe_dump(document))

    def apply(self) -> None:
        applied = self.project.call("apply", "--yes")
        assert applied.returncode == 0, applied.stderr

    def trigger(self, number: int = 1) -> list[uuid.UUID]:
        with transaction(self.engine) as connection:
            return [
                trigger_run(connection, "chaos/job", created_by="test").run_id
                for _ in range(number)
            ]

    def dying_at(self, name: str) -> dict[str, str]:
        """What a process is told that is to die there, once among all that are told."""
        file = self.project.path / f"died-at-{name}"
        return {"JOBRUNNER_CRASH_AT": name, "JOBRUNNER_CRASH_FILE": str(file)}

    def die(self, role: Role, name: str) -> None:
        """Start it, and wait until it, or a child of its, comes to die at that place."""
        if role.process is not None:
            role.process.kill_if_alive()  # it may be about to
        Stage(self.project, [role]).fill({role.name: self.dying_at(name)})
        wait_until(
            (self.project.path / f"died-at-{name}").exists, timeout_seconds=_DIES_WITHIN_SECONDS
        )

    def run_dying_at(self, name: str, *argv: str) -> None:
        """A program to its death at that place."""
        environment = {**self.project.environment, **self.dying_at(name)}
        process = replace(self.project, environment=environment).start_program(*argv)
        assert process.wait(timeout_seconds=30) == -9, process.output

    def come_right(self) -> list[str]:
        """With a beat and a worker, until nothing is left to do; what is wrong then."""
        wait_until(self._is_done, timeout_seconds=_SETTLES_WITHIN_SECONDS)
        evidence = read_evidence(self.engine, self.journal)
        touches = [Touch(attempt.pid, attempt.started_at) for attempt in evidence.attempts]
        evidence = replace(evidence, touches=touches)
        found = [*faults(evidence, lambda _: _RETRIES), *unfinished(evidence)]
        ledger = [finding.what for finding in check_ledger(self.engine).findings]
        return [*(fault.what for fault in found), *ledger]

    def _is_done(self) -> bool:
        Stage(self.project, [self.beat, self.worker]).fill()  # again: it may only be about to die
        return self.count(_LEFT) == 0

    def count(self, query: TextClause) -> int:
        with self.engine.begin() as connection:
            return int(connection.execute(query).scalar_one())


@pytest.fixture
def place(project: Project, engine: Engine) -> Iterator[Place]:
    """Its processes are killed at the end: an orderly stop is not what is tested."""
    made = Place(project, engine)
    yield made
    for process in project.started:
        process.kill_if_alive()


def twice() -> dict[str, str]:
    """A schedule that is due at two seconds, which an apply on a busy machine is over before."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    end = start + timedelta(seconds=2)
    return {"every": "1s", "start_at": start.isoformat(), "end_at": end.isoformat()}


@pytest.mark.parametrize(
    "name", ["due_written", "due_recorded", "batch_locked", "batch_pushed", "batch_sent"]
)
def test_fault_24_a_beat_that_dies_while_it_dispatches_loses_and_doubles_nothing(
    place: Place, name: str
) -> None:
    place.define(schedule=twice())
    place.apply()
    place.die(place.beat, name)
    assert place.come_right() == []
    assert len(read_evidence(place.engine, place.journal).runs) == 2


def test_a_beat_that_dies_with_unsent_runs_in_hand_leaves_them_to_others(place: Place) -> None:
    place.define()
    place.apply()
    place.trigger()
    place.die(place.beat, "unsent_taken")
    assert place.come_right() == []


def test_a_beat_that_dies_after_it_took_a_dead_ones_batch_leaves_it_to_others(place: Place) -> None:
    place.define()
    place.apply()
    place.trigger()
    place.die(place.beat, "unsent_taken")
    place.die(place.beat, "batch_given_back")
    assert place.come_right() == []


def test_a_beat_that_dies_between_ending_and_freeing_runs_leaves_both_to_others(
    place: Place,
) -> None:
    place.define(max_concurrency=1)
    place.apply()
    place.trigger(2)
    place.die(place.beat, "runs_expired")
    assert place.come_right() == []


def test_a_beat_that_dies_when_it_knows_that_messages_are_lost_leaves_them_to_others(
    place: Place, servers: Servers, pytestconfig: pytest.Config
) -> None:
    place.define()
    place.apply()
    place.trigger()
    Stage(place.project, [place.beat]).fill()
    wait_until(lambda: place.count(_WAITING) == 1)
    empty = empty_virtual_host_of(pytestconfig, servers)
    place.project.environment["JOBRUNNER_BROKER_URL"] = empty
    place.die(place.beat, "mark_set")  # now only the evidence by age is left
    place.die(place.beat, "loss_proved")
    assert place.come_right() == []


def test_a_beat_that_dies_while_it_ends_a_lost_attempt_leaves_it_to_others(place: Place) -> None:
    place.define()
    place.apply()
    (run_id,) = place.trigger()
    Ledger(place.engine).claim(run_id)
    with place.engine.begin() as connection:
        connection.execute(_AGE)
    place.die(place.beat, "lost_attempt_ended")
    assert place.come_right() == []


@pytest.mark.parametrize(
    "name",
    [
        "message_accepted", "run_claimed", "callable_loaded", "callable_ended", "output_written",
        "run_finished", "message_done", "leases_due",
    ],
)  # fmt: skip
def test_fault_34_a_worker_that_dies_around_a_call_loses_no_run_and_doubles_none(
    place: Place, name: str
) -> None:
    place.define()
    place.apply()
    place.trigger(2)
    Stage(place.project, [place.beat]).fill()
    place.die(place.worker, name)
    assert place.come_right() == []


def test_a_child_that_dies_half_way_through_its_output_is_replaced(place: Place) -> None:
    place.define("prints", kwargs={"seconds": 0.2})
    place.apply()
    place.trigger()
    Stage(place.project, [place.beat]).fill()
    place.die(place.worker, "output_half_written")
    assert place.come_right() == []


@pytest.mark.parametrize("name", ["death_seen", "death_recorded"])
def test_a_worker_that_dies_while_it_writes_down_a_death_leaves_the_run_to_others(
    place: Place, name: str
) -> None:
    place.define("dies", kwargs={"until_attempt": 1})
    place.apply()
    place.trigger()
    Stage(place.project, [place.beat]).fill()
    place.die(place.worker, name)
    assert place.come_right() == []


@pytest.mark.parametrize("name", ["apply_written", "apply_committed"])
def test_fault_63_an_apply_that_dies_has_done_all_or_nothing(place: Place, name: str) -> None:
    place.define(schedule=twice())
    place.run_dying_at(name, sys.executable, "-m", "jobrunner", "apply", "--yes")
    place.apply()
    assert place.come_right() == []


def test_a_trigger_that_dies_before_its_commit_has_asked_for_nothing(place: Place) -> None:
    place.define("asked")
    place.apply()
    client = (sys.executable, str(PROGRAMS / "client.py"))
    place.run_dying_at("trigger_written", *client, str(place.project.path / "told"), "chaos/job")
    assert read_evidence(place.engine, place.journal).runs == ()


@pytest.mark.parametrize("name", ["history_batch_deleted", "history_batch_committed"])
def test_a_clean_up_that_dies_leaves_a_ledger_that_is_whole(place: Place, name: str) -> None:
    place.define(schedule=twice())
    place.apply()
    assert place.come_right() == []
    clean = "from jobrunner.retention import delete_old_runs; delete_old_runs(keep_per_job=1)"
    place.run_dying_at(name, sys.executable, "-c", clean)
    assert check_ledger(place.engine).findings == ()
