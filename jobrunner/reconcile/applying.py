"""One transaction: lock, plan, guards, write, notify."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from jobrunner.crash_points import reach
from jobrunner.db import jobs, projects
from jobrunner.db.engine import Limits, change_limits, transaction
from jobrunner.db.wakeups import notify
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import check_guards
from jobrunner.plan.saved import SavedPlan
from jobrunner.reconcile.desired import Desired
from jobrunner.reconcile.options import ApplyOptions
from jobrunner.reconcile.planning import check_expected, plan_project, plan_saved
from jobrunner.reconcile.writing import RecordDue, settle_due, write

_LIMITS = Limits(
    statement_timeout_seconds=60.0, lock_timeout_seconds=10.0, idle_timeout_seconds=60.0
)
"""Idle: a plan for 10,000 jobs is computed between two statements."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    revision: int | None
    """Its number; None when there was nothing to do."""
    plan: Plan


def apply_project(
    engine: Engine,
    desired: Desired,
    *,
    options: ApplyOptions,
    record_due: RecordDue,
    now: datetime | None = None,
) -> Applied:
    """Make the database match, in one transaction: everything or nothing.

    Times that the old definitions owe already are dispatched first, by them. Raises LockNotObtained
    while another apply of the project runs, StalePlan when the plan is not the expected one,
    GuardRefused, Conflict, DatabaseUnavailable.
    """

    def make(connection: Connection) -> Plan:
        return plan_project(
            connection, desired, keyring=options.keyring, targets=options.targets, now=now
        )

    name, missing_folders = desired.project.project, desired.missing_folders
    return _apply(
        engine, name, make, missing_folders, options=options, record_due=record_due, now=now
    )


def apply_saved(
    engine: Engine,
    saved: SavedPlan,
    *,
    options: ApplyOptions,
    record_due: RecordDue,
    now: datetime | None = None,
) -> Applied:
    """Make exactly the changes of a saved plan, in one transaction; needs no file of the project.

    Raises the same as `apply_project`; StalePlan when a job that the plan touches is not what it was.
    """

    def make(connection: Connection) -> Plan:
        return plan_saved(connection, saved, now=now)

    name, missing_folders = saved.current.name, saved.origin.missing_folders
    return _apply(
        engine, name, make, missing_folders, options=options, record_due=record_due, now=now
    )


def _apply(
    engine: Engine,
    name: str,
    make: Callable[[Connection], Plan],
    missing_folders: Sequence[str],
    *,
    options: ApplyOptions,
    record_due: RecordDue,
    now: datetime | None,
) -> Applied:
    with transaction(engine) as connection:
        change_limits(connection, _limits_of_waiting(options.lock_timeout_seconds))
        projects.lock_project(connection, name)
        change_limits(connection, _LIMITS)
        plan = make(connection)
        check_expected(plan, options.expected_digest)
        check_guards(plan, missing_folders=missing_folders, allow_deletes=options.allow_deletes)
        jobs.write_locations(connection, {move.job_id: move.after for move in plan.relocated})
        if plan.is_empty:
            return Applied(None, plan)
        at = settle_due(connection, plan, record_due, now)
        project = write(connection, plan, options, at)
        reach("apply_written")
        notify(connection)
    reach("apply_committed")
    return Applied(project.revision, plan)


def _limits_of_waiting(lock_timeout_seconds: float) -> Limits:
    # For PostgreSQL 0 is no limit at all; not to wait is a millisecond.
    return replace(
        _LIMITS, statement_timeout_seconds=0, lock_timeout_seconds=max(lock_timeout_seconds, 0.001)
    )
