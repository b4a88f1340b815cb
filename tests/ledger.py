"""Jobs and runs put straight into the tables, and what became of them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping, func, insert, select, update

from jobrunner.db import tables
from jobrunner.db.attempts import Claim, ClaimedRun, claim
from jobrunner.db.run_logs import read_pieces
from jobrunner.spec.models import JobSpec, dump_job

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class AttemptRow:
    """What the tests look at of an attempt."""

    number: int
    state: str
    error_type: str | None
    error: str | None
    traceback: str | None


class Ledger:
    """The tables of one test."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add_job(
        self, task: str | None = "acme.task", *, name: str = "job", **spec: Any
    ) -> uuid.UUID:
        """A job with this definition in force; its id."""
        job = JobSpec.model_validate({"namespace": "test", "name": name, "task": task, **spec})
        job_id = uuid.uuid4()
        with self.engine.begin() as connection:
            connection.execute(
                insert(tables.jobs).values(
                    id=job_id,
                    project_id=self._project_id(),
                    namespace=job.namespace,
                    name=job.name,
                    definition_id=0,
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
                    max_concurrency=job.max_concurrency,
                    expires=job.expires,
                    timeout=job.timeout,
                    soft_timeout=job.soft_timeout,
                    tags=list(job.tags),
                    owner=job.owner,
                    delivery=job.delivery,
                    has_on_end=job.on_end is not None,
                )
            )
            definition_id = connection.execute(
                insert(tables.definitions)
                .values(job_id=job_id, revision=1, spec=dump_job(job))
                .returning(tables.definitions.c.id)
            ).scalar_one()
            connection.execute(
                update(tables.jobs)
                .where(tables.jobs.c.id == job_id)
                .values(definition_id=definition_id)
            )
        return job_id

    def add_schedule(self, job_id: uuid.UUID, name: str) -> uuid.UUID:
        """A row for a schedule of the job; its id."""
        schedule_id = uuid.uuid4()
        with self.engine.begin() as connection:
            connection.execute(
                insert(tables.schedules).values(id=schedule_id, job_id=job_id, name=name, spec={})
            )
        return schedule_id

    def add_run(self, job_id: uuid.UUID, **values: Any) -> uuid.UUID:
        """A queued run of the job, sent and available; `values` are columns."""
        run_id = uuid.uuid4()
        with self.engine.begin() as connection:
            job = connection.execute(select(tables.jobs).where(tables.jobs.c.id == job_id)).one()
            given = {
                "id": run_id,
                "job_id": job_id,
                "definition_id": job.definition_id,
                "delivery": job.delivery,
                "on_end_at": func.now() if job.has_on_end else None,
                "trigger": "manual",
                "scheduled_for": NOON,
                "state": "queued",
                "queue": "default",
                "available_at": func.now() - timedelta(seconds=1),
                "sent_at": func.now(),
                **values,
            }
            connection.execute(insert(tables.runs).values(**given))
        return run_id

    def claim(self, run_id: uuid.UUID) -> ClaimedRun:
        """Claim it, as a worker does."""
        with self.engine.begin() as connection:
            run = claim(connection, Claim(run_id, uuid.uuid4()), worker="worker@test", pid=1)
        assert run is not None
        return run

    def claim_of(self, run_id: uuid.UUID) -> Claim:
        """The claim under which it runs, or ran last."""
        return Claim(run_id, self.run(run_id)["claim_token"])

    def change_run(self, run_id: uuid.UUID, **values: Any) -> None:
        """Set columns of a run."""
        with self.engine.begin() as connection:
            connection.execute(
                update(tables.runs).where(tables.runs.c.id == run_id).values(**values)
            )

    def make_available(self, run_id: uuid.UUID) -> None:
        """Its back-off is over."""
        self.change_run(run_id, available_at=func.now() - timedelta(seconds=1))

    def end_run(self, run_id: uuid.UUID, state: str, **values: Any) -> None:
        """As the end of its attempt would; `values` are columns."""
        self.change_run(run_id, state=state, lease_until=None, finished_at=func.now(), **values)

    def run_ids(self) -> list[uuid.UUID]:
        """All runs there are."""
        with self.engine.begin() as connection:
            return list(connection.execute(select(tables.runs.c.id)).scalars())

    def spoil_definition(self, job_id: uuid.UUID, **keys: Any) -> None:
        """As a hand would write it, or a newer version: with these keys."""
        with self.engine.begin() as connection:
            connection.execute(
                update(tables.definitions)
                .where(tables.definitions.c.job_id == job_id)
                .values(spec=tables.definitions.c.spec.concat(keys))
            )

    def learn(self, job_id: uuid.UUID, key: str) -> None:
        """The process is of a newer version now, which reads the key: for it, nothing is unknown."""
        with self.engine.begin() as connection:
            connection.execute(
                update(tables.definitions)
                .where(tables.definitions.c.job_id == job_id)
                .values(spec=tables.definitions.c.spec.op("-")(key))
            )

    def cancel_running(self) -> None:
        """Ask all runs that are running to end."""
        running = tables.runs.c.state == "running"
        with self.engine.begin() as connection:
            connection.execute(
                update(tables.runs).where(running).values(cancel_requested_at=func.now())
            )

    def delete_job(self, job_id: uuid.UUID) -> None:
        """As an apply does: a tombstone."""
        with self.engine.begin() as connection:
            connection.execute(
                update(tables.jobs).where(tables.jobs.c.id == job_id).values(deleted_at=func.now())
            )

    def run(self, run_id: uuid.UUID) -> RowMapping:
        """All columns of a run."""
        with self.engine.begin() as connection:
            return (
                connection.execute(select(tables.runs).where(tables.runs.c.id == run_id))
                .mappings()
                .one()
            )

    def state(self, run_id: uuid.UUID) -> str:
        """The state of a run."""
        return str(self.run(run_id)["state"])

    def attempts(self, run_id: uuid.UUID) -> list[AttemptRow]:
        """The attempts of a run, in order."""
        found = tables.attempts.c
        with self.engine.begin() as connection:
            rows = connection.execute(
                select(found.number, found.state, found.error_type, found.error, found.traceback)
                .where(found.run_id == run_id)
                .order_by(found.number)
            ).mappings()
            return [AttemptRow(**row) for row in rows]

    def output(self, run_id: uuid.UUID) -> str:
        """All that the run's attempts have printed and logged."""
        with self.engine.begin() as connection:
            return "".join(piece.text for piece in read_pieces(connection, run_id))

    def seconds_until_available(self, run_id: uuid.UUID) -> float:
        """By the database's clock."""
        with self.engine.begin() as connection:
            wait = connection.execute(
                select(tables.runs.c.available_at - func.now()).where(tables.runs.c.id == run_id)
            ).scalar_one()
        return float(wait.total_seconds())

    def _project_id(self) -> int:
        with self.engine.begin() as connection:
            found = connection.execute(select(tables.projects.c.id)).scalar()
            if found is None:
                found = connection.execute(
                    insert(tables.projects).values(name="test").returning(tables.projects.c.id)
                ).scalar_one()
        return int(found)
