"""Applies that meet: each other, the dispatcher, and their own end half-way."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, event, text

from jobrunner.db.engine import Limits, make_engine, transaction
from jobrunner.db.projects import lock_project
from jobrunner.dispatch import dispatch_due
from jobrunner.errors import DatabaseUnavailable, LockNotObtained, StalePlan
from jobrunner.reconcile import Applied
from jobrunner.run import OutgoingRun
from jobrunner.spec.models import DefinedJob
from tests.reconcile.acme import Reconciler, make_job
from tests.waiting import wait_until

SECONDLY = {"every": "1s"}
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_an_apply_does_not_wait_longer_for_the_lock_than_it_may(
    acme: Reconciler, engine: Engine
) -> None:
    with transaction(engine) as connection:
        lock_project(connection, "acme")

        with pytest.raises(LockNotObtained) as refused:
            acme.apply(make_job(), lock_timeout_seconds=0.05)

    assert refused.value.exit_code == 5
    assert "project acme" in refused.value.message


def test_an_apply_gives_up_when_somebody_holds_a_row_of_it(
    acme: Reconciler, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.apply(make_job(schedules=[SECONDLY]), now=START)
    monkeypatch.setattr("jobrunner.reconcile.applying._WRITING", Limits(lock_timeout_seconds=0.05))
    with transaction(engine) as connection:
        connection.execute(text("SELECT 1 FROM jobrunner.schedules FOR UPDATE"))

        with pytest.raises(LockNotObtained):
            acme.apply(make_job(schedules=[SECONDLY], queue="other"), now=START)

    assert acme.in_force()[0]["queue"] == "default"


def test_jobs_that_only_stand_elsewhere_are_waited_for_as_long(
    acme: Reconciler, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.apply(make_job())
    monkeypatch.setattr("jobrunner.reconcile.applying._WRITING", Limits(lock_timeout_seconds=0.05))
    with transaction(engine) as connection:
        connection.execute(text("SELECT 1 FROM jobrunner.jobs FOR UPDATE"))

        with pytest.raises(LockNotObtained):
            acme.apply(make_job(line=10))

    assert acme.in_force()[0]["line"] == 8


def test_an_apply_that_waits_for_a_dispatcher_holds_no_job(
    acme: Reconciler, engine: Engine
) -> None:
    """A dispatcher locks schedules first and their jobs afterwards: so must an apply, also one that only
    notes where jobs stand now.
    """
    jobs = [make_job(f"a/{name}", schedules=[SECONDLY]) for name in "bcd"]
    acme.apply(*jobs, now=START)
    changed, *moved = (make_job(f"a/{n}", schedules=[SECONDLY], line=9, queue=n) for n in "bcd")
    moved = [job._replace(spec=then.spec) for job, then in zip(moved, jobs[1:], strict=True)]
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as dispatcher:
            dispatcher.execute(text("SELECT 1 FROM jobrunner.schedules FOR NO KEY UPDATE"))
            applied = pool.submit(acme.apply, changed, *moved, now=START)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype <> 'advisory'"
            wait_until(lambda: acme.query(waiting))
            dispatcher.execute(text("SELECT 1 FROM jobrunner.jobs FOR NO KEY UPDATE NOWAIT"))
        assert applied.result(30).revision == 2

    assert [(row["line"], row["queue"]) for row in acme.in_force()] == [
        (9, "b"), (9, "default"), (9, "default")
    ]  # fmt: skip


def test_an_apply_may_think_as_long_as_a_plan_until_it_holds_rows(
    acme: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[Connection] = []
    event.listen(acme.engine, "begin", transactions.append)
    limits = []

    def note_limit(*_: object) -> bool:
        show = "SHOW idle_in_transaction_session_timeout"
        limits.append(transactions[-1].exec_driver_sql(show).scalar_one())
        return False

    acme.apply(make_job(), git_commit="a" * 40, git_committed_at=START)
    monkeypatch.setattr("jobrunner.reconcile.applying.notify", note_limit)
    acme.apply(
        make_job(queue="other"), git_commit="b" * 40, git_committed_at=START, is_ancestor=note_limit
    )

    assert limits == ["10min", "1min"]


def test_applies_of_two_projects_do_not_wait_for_each_other(
    acme: Reconciler, engine: Engine
) -> None:
    with transaction(engine) as connection:
        lock_project(connection, "other")

        assert acme.apply(make_job(), lock_timeout_seconds=0.05).revision == 1


def test_fault_62_of_two_who_apply_the_same_plan_at_once_the_second_finds_it_stale(
    acme: Reconciler,
) -> None:
    digest = acme.plan(make_job()).digest
    together = threading.Barrier(2)

    def apply() -> Applied | StalePlan:
        together.wait(10)
        try:
            return acme.apply(make_job(), expected_digest=digest)
        except StalePlan as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        ends = [future.result(30) for future in [pool.submit(apply), pool.submit(apply)]]

    assert sorted(type(end).__name__ for end in ends) == ["Applied", "StalePlan"]
    assert len(acme.query("SELECT 1 FROM jobrunner.revisions")) == 1


def test_fault_62_two_applies_at_once_leave_what_one_after_the_other_leaves(
    acme: Reconciler,
) -> None:
    together = threading.Barrier(2)

    def apply(*jobs: DefinedJob) -> int | None:
        together.wait(10)
        return acme.apply(*jobs, lock_timeout_seconds=10).revision

    first = (make_job("a/b", queue="x"), make_job("a/c"))
    second = (make_job("a/b", queue="y"), make_job("a/d"))
    with ThreadPoolExecutor(2) as pool:
        numbers = [pool.submit(apply, *first), pool.submit(apply, *second)]
        order = [future.result(30) for future in numbers]

    left = [(row["address"], row["queue"]) for row in acme.in_force()]
    assert (order, left) in [
        ([1, 2], [("a/b", "y"), ("a/d", "default")]),
        ([2, 1], [("a/b", "x"), ("a/c", "default")]),
    ]


def test_fault_63_an_apply_killed_half_way_leaves_the_old_set_and_no_lock(
    acme: Reconciler, database_url: str
) -> None:
    acme.apply(make_job("a/old", schedules=[{"every": "1h"}]))
    before = acme.in_force()
    half_way = subprocess.Popen(
        [sys.executable, "-c", _HALF_AN_APPLY, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    with half_way:
        assert half_way.stdout is not None
        assert half_way.stdout.readline() == "written\n"
        half_way.send_signal(signal.SIGKILL)

    assert acme.in_force() == before
    assert acme.apply(make_job("a/new"), lock_timeout_seconds=10).revision == 2


_HALF_AN_APPLY = textwrap.dedent("""
    import sys
    from jobrunner.reconcile import applying
    from jobrunner.db.engine import make_engine
    from tests.reconcile.acme import Reconciler, make_job

    def stop_before_the_commit(connection):
        print("written", flush=True)
        sys.stdin.read()

    applying.notify = stop_before_the_commit
    engine = make_engine(sys.argv[1], application_name="half an apply")
    Reconciler(engine).apply(make_job("a/half"))
""")


def test_a_connection_lost_half_way_leaves_the_old_set(
    acme: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.apply(make_job("a/old"))
    before = acme.in_force()

    def hang_up(_: object) -> None:
        acme.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    monkeypatch.setattr("jobrunner.reconcile.applying.notify", hang_up)

    with pytest.raises(DatabaseUnavailable):
        acme.apply(make_job("a/new"))

    assert acme.in_force() == before


def test_an_apply_and_the_dispatcher_never_lose_or_double_a_time_and_never_block_for_good(
    acme: Reconciler, database_url: str
) -> None:
    names = [f"a/job-{number}" for number in range(5)]
    acme.apply(
        *(make_job(name, schedules=[SECONDLY], overlap="queue") for name in names), now=START
    )
    # Both go by a clock of the test's, so that every second of the two minutes is owed.
    seconds = acme.query(
        "SELECT CAST(:start AS timestamptz) + make_interval(secs => n / 2.0) AS at"
        "  FROM generate_series(1, 240) AS n",
        start=START,
    )
    beat = make_engine(database_url, application_name="a beat")

    def apply(moment: datetime) -> None:
        queue = f"q-{moment.microsecond % 7}-{moment.second}"
        acme.apply(
            *(make_job(n, schedules=[SECONDLY], overlap="queue", queue=queue) for n in names),
            now=moment,
        )

    with ThreadPoolExecutor(2) as pool:
        for row in seconds:
            tick = pool.submit(dispatch_due, beat, _no_message, now=row["at"])
            change = pool.submit(apply, row["at"])
            tick.result(30)
            change.result(30)
    beat.dispose()

    [count] = acme.query(
        "SELECT count(*) AS runs, count(DISTINCT (job_id, scheduled_for)) AS times,"
        "       min(scheduled_for) AS first, max(scheduled_for) AS last FROM jobrunner.runs"
    )
    assert count["runs"] == count["times"] == 5 * 120
    assert (count["last"] - count["first"]).total_seconds() == 119


def _no_message(_: Sequence[OutgoingRun], now: datetime) -> None:
    """The broker is not what is tested here."""
    assert now.tzinfo is not None
