"""Jobs with a schedule, put straight into the tables: dispatch and beat are tested without an apply."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from jobrunner.db import tables
from jobrunner.errors import BrokerUnavailable
from jobrunner.run import OutgoingRun
from jobrunner.spec.models import JobSpec, ScheduleSpec, dump_job

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

    def add(
        name: str = "job",
        *,
        schedules: Sequence[dict[str, Any]] = ({"every": "1h"},),
        due: datetime = NOON,
        **spec: Any,
    ) -> Seeded:
        job = JobSpec.model_validate({"namespace": "test", "name": name, "task": "m.f", **spec})
        named = [
            ScheduleSpec.model_validate({"name": f"s{i}", **s}) for i, s in enumerate(schedules)
        ]
        return _write(engine, job, named, due)

    return add


def _write(engine: Engine, job: JobSpec, schedules: list[ScheduleSpec], due: datetime) -> Seeded:
    job_id = uuid.uuid4()
    ids = tuple(uuid.uuid4() for _ in schedules)
    with engine.begin() as connection:
        project_id = connection.execute(
            select(tables.projects.c.id).where(tables.projects.c.name == "test")
        ).scalar()
        if project_id is None:
            project_id = connection.execute(
                insert(tables.projects).values(name="test").returning(tables.projects.c.id)
            ).scalar_one()
        connection.execute(
            insert(tables.jobs).values(
                id=job_id,
                project_id=project_id,
                namespace=job.namespace,
                name=job.name,
                definition_id=1,
                digest="",
                file="jobs.d/test.yaml",
                line=1,
                enabled=True,
                queue=job.queue,
                priority=job.priority,
                overlap=job.overlap,
                catch_up_policy=job.catch_up.policy,
                catch_up_window=job.catch_up.window,
                catch_up_max=job.catch_up.max,
                expires=job.expires,
                timeout=job.timeout,
                soft_timeout=job.soft_timeout,
                tags=list(job.tags),
                owner=job.owner,
            )
        )
        connection.execute(
            insert(tables.definitions).values(job_id=job_id, revision=1, spec=dump_job(job))
        )
        for schedule_id, schedule in zip(ids, schedules, strict=True):
            connection.execute(
                insert(tables.schedules).values(
                    id=schedule_id,
                    job_id=job_id,
                    name=schedule.name,
                    spec=json.loads(schedule.model_dump_json(by_alias=True)),
                    next_scheduled_for=due,
                    next_run_at=due,
                )
            )
    return Seeded(job_id, ids, job.address)


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
