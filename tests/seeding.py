"""Jobs with a schedule, put straight into the tables: dispatch and beat are tested without an apply."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select

from jobrunner.db import tables
from jobrunner.errors import BrokerUnavailable
from jobrunner.run import OutgoingRun
from jobrunner.spec.models import ScheduleSpec, dump_schedule
from tests.ledger import Ledger

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Seeded:
    """A job in the tables, and its schedules in the order given."""

    job_id: uuid.UUID
    schedule_ids: tuple[uuid.UUID, ...]
    address: str


AddJob = Callable[..., Seeded]


@pytest.fixture
def add_job(engine: Engine) -> AddJob:
    """`add_job("name", schedules=[{…}], due=NOON, overlap="skip", …)` → what was written."""
    return partial(put_job, engine)


def put_job(
    engine: Engine,
    name: str = "job",
    *,
    schedules: Sequence[dict[str, Any]] | None = None,
    due: datetime = NOON,
    **spec: Any,
) -> Seeded:
    """A job with these schedules, all due at the same time; `spec` are keys of the job.

    Without any said, its one schedule is due every hour from then on.
    """
    # Counted from `due`: the full hour may lie between a `due` near now and now, at some minutes.
    given = [{"every": "1h", "anchor": due}] if schedules is None else schedules
    named = [ScheduleSpec.model_validate({"name": f"s{i}", **s}) for i, s in enumerate(given)]
    job_id = Ledger(engine).add_job(name=name, **spec)
    return Seeded(job_id, _add_schedules(engine, job_id, named, due), f"test/{name}")


def _add_schedules(
    engine: Engine, job_id: uuid.UUID, schedules: list[ScheduleSpec], due: datetime
) -> tuple[uuid.UUID, ...]:
    ids = tuple(uuid.uuid4() for _ in schedules)
    with engine.begin() as connection:
        for schedule_id, schedule in zip(ids, schedules, strict=True):
            connection.execute(
                insert(tables.schedules).values(
                    id=schedule_id,
                    job_id=job_id,
                    name=schedule.name,
                    spec=dump_schedule(schedule),
                    next_scheduled_for=due,
                    next_run_at=due,
                )
            )
    return ids


@dataclass
class Broker:
    """The other side of `send`: takes messages, or is down."""

    sent: list[OutgoingRun] = field(default_factory=list)
    is_down: bool = False

    def send(self, runs: Sequence[OutgoingRun], now: datetime) -> None:
        assert now.tzinfo is not None
        if self.is_down:
            raise BrokerUnavailable("The broker does not answer.")
        self.sent += runs


@pytest.fixture
def broker() -> Broker:
    """A broker whose messages can be looked at."""
    return Broker()


def put_notifiers(connection: Connection, **urls: object) -> None:
    """Those of the only project, in place of what it has."""
    project_id = connection.execute(select(tables.projects.c.id)).scalar_one()
    connection.execute(delete(tables.notifiers))
    rows = [{"project_id": project_id, "name": name, "url": url} for name, url in urls.items()]
    connection.execute(insert(tables.notifiers), rows)


@dataclass(frozen=True)
class RunRow:
    """What the tests look at of a run."""

    id: uuid.UUID
    scheduled_for: datetime
    state: str
    held: bool
    trigger: str
    missed_count: int | None
    is_sent: bool


ReadRuns = Callable[[], list[RunRow]]


@pytest.fixture
def read_runs(engine: Engine) -> ReadRuns:
    """All runs, by scheduled time and schedule."""

    def read() -> list[RunRow]:
        runs = tables.runs.c
        with engine.begin() as connection:
            rows = connection.execute(
                select(
                    runs.id,
                    runs.scheduled_for,
                    runs.state,
                    runs.held,
                    runs.trigger,
                    runs.missed_count,
                    runs.sent_at.is_not(None).label("is_sent"),
                ).order_by(runs.scheduled_for, runs.created_at, runs.id)
            ).mappings()
            return [RunRow(**row) for row in rows]

    return read


HOUR = timedelta(hours=1)
