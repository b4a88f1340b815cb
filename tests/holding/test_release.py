"""Which held runs the database sets free: what `run.count_free` says, and what it says of nothing else."""

import random
import uuid
from contextlib import closing
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.holding import hold_back, lock_and_count_active, release_held
from jobrunner.db.wakeups import Listener
from jobrunner.run import Active, count_free
from jobrunner.triggers import trigger_run
from tests.ledger import NOON, Ledger
from tests.seeding import HOUR, AddJob, ReadRuns

_LEASED = {"lease_until": NOON}


@dataclass(frozen=True)
class Case:
    """A job, its runs that have started, and the triggers of those that wait, the oldest first."""

    overlap: str
    active: Active
    waiting: tuple[str, ...]


def any_case(draw: random.Random) -> Case:
    return Case(
        draw.choice(["allow", "skip", "queue", "replace"]),
        Active(
            running=draw.choice([0, 0, 1, 2]),
            queued=draw.choice([0, 0, 1]),
            held=1,
            backfill=draw.choice([0, 0, 2]),
            limit=draw.choice([None, 1, 2, 3, 5]),
        ),
        tuple(draw.choices(["schedule", "manual", "catch_up"], k=draw.randint(1, 5))),
    )


def put(ledger: Ledger, case: Case, name: str, backfill_id: uuid.UUID) -> uuid.UUID:
    job_id = ledger.add_job(name=name, overlap=case.overlap, max_concurrency=case.active.limit)
    for _ in range(case.active.running):
        ledger.add_run(job_id, state="running", **_LEASED)
    for _ in range(case.active.queued):
        ledger.add_run(job_id)
    for _ in range(case.active.backfill):
        ledger.add_run(job_id, trigger="backfill", backfill_id=backfill_id)
    for number, trigger in enumerate(case.waiting):
        due = NOON + number * HOUR
        ledger.add_run(job_id, held=True, sent_at=None, trigger=trigger, scheduled_for=due)
    return job_id


def add_backfill(ledger: Ledger, schedule_id: uuid.UUID, max_active: int = 1) -> uuid.UUID:
    with ledger.engine.begin() as connection:
        return uuid.UUID(
            str(
                connection.execute(
                    text("""
                        INSERT INTO jobrunner.backfills
                               (id, schedule_id, from_at, to_at, max_active, created_by)
                        VALUES (gen_random_uuid(), :id, now(), now(), :max_active, 'ada')
                        RETURNING id
                    """),
                    {"id": schedule_id, "max_active": max_active},
                ).scalar_one()
            )
        )


def held_of(ledger: Ledger, job_id: uuid.UUID) -> list[bool]:
    """Of the runs that waited, the oldest first."""
    with ledger.engine.begin() as connection:
        rows = connection.execute(
            text("""
                SELECT held FROM jobrunner.runs
                 WHERE job_id = :id AND state = 'queued' AND sent_at IS NULL
                 ORDER BY scheduled_for
            """),
            {"id": job_id},
        )
        return list(rows.scalars())


def release(engine: Engine) -> int:
    with transaction(engine) as connection:
        return release_held(connection, limit=1_000)


def test_the_database_frees_what_the_pure_rule_says(engine: Engine, ledger: Ledger) -> None:
    draw = random.Random(20261121)  # noqa: S311  no secret
    other = ledger.add_schedule(ledger.add_job(name="other"), "s")
    backfill_id = add_backfill(ledger, other)
    cases = [any_case(draw) for _ in range(150)]
    jobs = [put(ledger, case, f"job-{n}", backfill_id) for n, case in enumerate(cases)]
    release(engine)
    said = [count_free(case.overlap, case.active, case.waiting) for case in cases]
    freed = [held_of(ledger, job_id) for job_id in jobs]
    assert freed == [
        [number >= free for number in range(len(case.waiting))]
        for case, free in zip(cases, said, strict=True)
    ]
    assert release(engine) == 0


def test_the_counts_are_those_of_the_decision(engine: Engine, ledger: Ledger) -> None:
    backfill_id = add_backfill(ledger, ledger.add_schedule(ledger.add_job(name="other"), "s"))
    case = Case(
        "queue", Active(running=2, queued=1, held=1, backfill=3, limit=7), ("schedule",) * 3
    )
    busy, idle = put(ledger, case, "busy", backfill_id), ledger.add_job(name="idle")
    with transaction(engine) as connection:
        counted = lock_and_count_active(connection, [str(busy), str(idle)])
    assert counted == {str(busy): case.active, str(idle): Active()}


@pytest.mark.parametrize(("max_active", "limit", "free"), [(3, None, 3), (3, 2, 2), (1, 2, 1)])
def test_a_backfill_goes_as_far_as_its_own_bound_and_the_jobs_limit(
    engine: Engine, ledger: Ledger, max_active: int, limit: int | None, free: int
) -> None:
    job_id = ledger.add_job(max_concurrency=limit)
    backfill_id = add_backfill(ledger, ledger.add_schedule(job_id, "s"), max_active)
    for number in range(5):
        ledger.add_run(
            job_id,
            held=True,
            sent_at=None,
            trigger="backfill",
            backfill_id=backfill_id,
            scheduled_for=NOON + number * HOUR,
        )
    assert release(engine) == free
    assert held_of(ledger, job_id) == [number >= free for number in range(5)]
    assert release(engine) == 0


def test_a_job_that_somebody_holds_is_left_to_the_next_tick(engine: Engine, ledger: Ledger) -> None:
    put(ledger, Case("queue", Active(), ("schedule",)), "job", uuid.uuid4())
    with engine.connect() as holder, holder.begin():
        holder.execute(text("SELECT FROM jobrunner.jobs FOR UPDATE"))
        assert release(engine) == 0
    assert release(engine) == 1


def test_a_run_that_is_put_back_keeps_its_turn(engine: Engine, ledger: Ledger) -> None:
    case = Case("allow", Active(running=1, limit=1), ("schedule",))
    job_id = put(ledger, case, "job", uuid.uuid4())
    back = ledger.add_run(job_id, scheduled_for=NOON - HOUR)
    with transaction(engine) as connection:
        assert hold_back(connection, back)
    ledger.cancel_running()
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.runs SET state = 'cancelled', finished_at = now(), lease_until = NULL"
                " WHERE state = 'running'"
            )
        )
    release(engine)
    assert held_of(ledger, job_id) == [False, True]


def test_a_run_of_a_job_without_a_limit_is_never_put_back(engine: Engine, ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    with transaction(engine) as connection:
        assert not hold_back(connection, run_id)


def test_a_forced_run_overlaps_as_far_as_the_limit_goes(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job(schedules=[], overlap="skip", max_concurrency=2)
    for _ in range(3):
        with transaction(engine) as connection:
            trigger_run(connection, "test/job", created_by="ada", force=True)
    assert [run.held for run in read_runs()] == [False, False, True]


def test_a_held_count_of_many_is_known_as_one(engine: Engine, ledger: Ledger) -> None:
    case = Case("queue", Active(running=1), ("schedule",) * 4)
    job_id = str(put(ledger, case, "job", uuid.uuid4()))
    with transaction(engine) as connection:
        counted = lock_and_count_active(connection, [job_id])
    assert counted[job_id] == case.active._replace(held=1)


def test_a_release_wakes_the_beats_and_one_that_frees_nothing_does_not(engine: Engine) -> None:
    put(Ledger(engine), Case("queue", Active(running=1), ("manual",)), "waits", uuid.uuid4())
    with closing(Listener(engine)) as listener:
        with transaction(engine) as connection:
            assert release_held(connection, limit=10) == 0
        assert not listener.wait(0.1)

        put(Ledger(engine), Case("queue", Active(), ("manual",)), "free", uuid.uuid4())
        with transaction(engine) as connection:
            assert release_held(connection, limit=10) == 1
        assert listener.wait(30)
