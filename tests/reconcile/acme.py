"""A project whose definitions are plain values, planned and applied on a real database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.plan.changes import Plan
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.reconcile import Applied, ApplyOptions, Desired, apply_project, plan_project
from jobrunner.recording import record_due
from jobrunner.spec.models import DefinedJob, JobSpec, Location
from jobrunner.spec.project import DefinedNotifier, Move, ProjectSpec

NO_NOTIFIERS: Mapping[str, DefinedNotifier] = {}
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def make_job(address: str = "reports/nightly", *, line: int = 8, **fields: Any) -> DefinedJob:
    namespace, _, name = address.partition("/")
    spec = JobSpec.model_validate(
        {"namespace": namespace, "name": name, "task": "reports.tasks.build", **fields}
    )
    return DefinedJob(spec=spec, location=Location(file="jobs.d/reports.yaml", line=line))


@dataclass(frozen=True)
class Reconciler:
    """Plans and applies on the test's database, at noon unless told otherwise."""

    engine: Engine
    project: str = "acme"
    environment: str = ""

    def desired(
        self,
        jobs: Sequence[DefinedJob],
        moves: Sequence[Move] = (),
        notifiers: Mapping[str, DefinedNotifier] = NO_NOTIFIERS,
    ) -> Desired:
        return Desired(
            project=ProjectSpec(project=self.project),
            environment=self.environment,
            root=Path("/srv/acme"),
            moves=tuple(moves),
            notifiers=notifiers,
            jobs=tuple(jobs),
            files=1,
            missing_folders=(),
            diagnostics=(),
            content_hash="",
        )

    def plan(
        self,
        *jobs: DefinedJob,
        now: datetime = NOW,
        moves: Sequence[Move] = (),
        notifiers: Mapping[str, DefinedNotifier] = NO_NOTIFIERS,
        targets: Targets = EVERY_JOB,
    ) -> Plan:
        desired = self.desired(jobs, moves, notifiers)
        with transaction(self.engine) as connection:
            return plan_project(connection, desired, targets=targets, now=now)

    def apply(
        self,
        *jobs: DefinedJob,
        now: datetime = NOW,
        moves: Sequence[Move] = (),
        notifiers: Mapping[str, DefinedNotifier] = NO_NOTIFIERS,
        allow_deletes: int = 100,
        **options: Any,
    ) -> Applied:
        return apply_project(
            self.engine,
            self.desired(jobs, moves, notifiers),
            options=ApplyOptions(author="ada", allow_deletes=allow_deletes, **options),
            record_due=record_due,
            now=now,
        )

    def query(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a statement."""
        with transaction(self.engine) as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def execute(self, statement: str, **values: Any) -> None:
        """What a hand does in the database."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement), values)

    def next_times(self) -> dict[str, datetime | None]:
        """The next nominal time of each schedule in force, by `job#schedule`."""
        rows = self.query(
            "SELECT j.name || '#' || s.name AS key, s.next_scheduled_for"
            "  FROM jobrunner.schedules s JOIN jobrunner.jobs j ON j.id = s.job_id"
            " WHERE s.deleted_at IS NULL"
        )
        return {row["key"]: row["next_scheduled_for"] for row in rows}

    def in_force(self) -> list[dict[str, Any]]:
        """All that dispatch goes by, without ids and dates of writing."""
        return self.query(
            "SELECT j.address, j.digest, j.file, j.line, j.queue, j.enabled, j.tags, d.spec,"
            "       s.name, s.spec AS schedule, s.next_scheduled_for,"
            "       s.next_run_at - s.next_scheduled_for AS jitter"
            "  FROM jobrunner.jobs j"
            "  JOIN jobrunner.definitions d ON d.id = j.definition_id"
            "  LEFT JOIN jobrunner.schedules s ON s.job_id = j.id AND s.deleted_at IS NULL"
            " WHERE j.deleted_at IS NULL ORDER BY j.address, s.name"
        )
