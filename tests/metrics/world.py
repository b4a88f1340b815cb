"""A project of which every metric has something to say."""

import json
import uuid
from datetime import timedelta

from sqlalchemy import Engine, func, insert, select

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.processes import sign_in
from jobrunner.db.totals import count_ended
from tests.ledger import NOON, Ledger
from tests.seeding import put_notifiers

_MINUTE = timedelta(minutes=1)


def fill(engine: Engine) -> None:
    """Runs of all ends, a failed attempt, what waits, a process of each kind, a notifier, a revision."""
    ledger = Ledger(engine)
    job_id = ledger.add_job()
    _end_some(ledger, job_id)
    ledger.add_run(job_id, available_at=func.now() - _MINUTE)
    ledger.claim(ledger.add_run(job_id))
    with transaction(engine) as connection:
        count_ended(connection, limit=100)
        sign_in(connection, "worker")
        sign_in(connection, "beat")
        sign_in(connection, "watch", details={"config": "in_force", "project": "test"})
        put_notifiers(connection, oncall="")
        project_id = connection.execute(select(tables.projects.c.id)).scalar_one()
        connection.execute(
            insert(tables.revisions).values(
                project_id=project_id, number=0, author="ada", digest="", changes=[]
            )
        )
        connection.execute(
            insert(tables.schedules).values(
                id=uuid.uuid4(),
                job_id=job_id,
                name="default",
                spec={},
                next_scheduled_for=func.now() + _MINUTE,
                next_run_at=func.now() + _MINUTE,
            )
        )


def end_more(engine: Engine) -> None:
    """The same ends once more."""
    with engine.begin() as connection:
        job_id = connection.execute(select(tables.jobs.c.id)).scalar_one()
    _end_some(Ledger(engine), job_id)


def _end_some(ledger: Ledger, job_id: uuid.UUID) -> None:
    for state in ("succeeded", "failed", "lost", "missed", "expired"):
        _add_ended(ledger, job_id, state)


def _add_ended(ledger: Ledger, job_id: uuid.UUID, state: str) -> None:
    run_id = ledger.add_run(
        job_id,
        trigger="schedule",
        state=state,
        attempt=2,
        scheduled_for=NOON,
        created_at=NOON,
        available_at=NOON,
        started_at=NOON + _MINUTE,
        finished_at=NOON + 2 * _MINUTE,
    )
    with ledger.engine.begin() as connection:
        connection.execute(
            insert(tables.attempts).values(
                run_id=run_id,
                number=1,
                state="failed",
                claim_token=uuid.uuid4(),
                worker="worker",
                pid=1,
                started_at=NOON,
                error_type=json.JSONDecodeError.__name__,
            )
        )
