"""One transaction: lock, plan, guards, write, notify."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from jobrunner.crash_points import reach
from jobrunner.db import definitions, pending, projects
from jobrunner.db.engine import Limits, change_limits, transaction
from jobrunner.db.revisions import is_flapping
from jobrunner.db.wakeups import notify
from jobrunner.plan.changes import Plan
from jobrunner.reconcile.guarding import check_wanted
from jobrunner.reconcile.options import ApplyOptions
from jobrunner.reconcile.planning import THINKING_SECONDS, check_expected
from jobrunner.reconcile.wanted import Wanted, plan_wanted, project_name
from jobrunner.reconcile.writing import RecordDue, settle_due, write

_PLANNING = Limits(
    statement_timeout_seconds=60.0,
    lock_timeout_seconds=10.0,
    idle_timeout_seconds=THINKING_SECONDS,
)
_WRITING = replace(_PLANNING, idle_timeout_seconds=60.0)
"""Rows are locked from here on: one that is frozen has to let go of them, and writing out a hundred
thousand jobs between two statements takes a busy machine less."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    revision: int | None
    """Its number; None when there was nothing to do."""
    plan: Plan
    is_flapping: bool = False
    """The last revisions make the same changes and undo them, in turn: perhaps two watchers do."""


def apply_project(
    engine: Engine,
    wanted: Wanted,
    *,
    options: ApplyOptions,
    record_due: RecordDue,
    now: datetime | None = None,
    begin: Callable[[Plan], None] = lambda _: None,
) -> Applied:
    """Make the database match, in one transaction: everything or nothing.

    `begin` hears of the plan just before it is carried out.

    Times that the old definitions owe already are dispatched first, by them. Raises LockNotObtained
    while another apply of the project runs, StalePlan when the plan is not the expected one, or a saved
    one whose jobs are not what they were, GuardRefused, Conflict, NotFound, DatabaseUnavailable.
    """
    with transaction(engine) as connection:
        applied = apply_within(
            connection, wanted, options=options, record_due=record_due, now=now, begin=begin
        )
    reach("apply_committed")
    return applied


def apply_within(
    connection: Connection,
    wanted: Wanted,
    *,
    options: ApplyOptions,
    record_due: RecordDue,
    now: datetime | None = None,
    begin: Callable[[Plan], None] = lambda _: None,
) -> Applied:
    """The same in the caller's transaction, which is to do little else: it holds locks from here on."""
    change_limits(connection, _limits_of_waiting(options.lock_timeout_seconds))
    projects.lock_project(connection, project_name(wanted))
    change_limits(connection, _PLANNING)
    plan = plan_wanted(connection, wanted, options, now=now)
    check_expected(plan, options.expected_digest)
    check_wanted(connection, plan, wanted, options)
    begin(plan)
    change_limits(connection, _WRITING)
    at = settle_due(connection, plan, record_due, now)
    definitions.write_locations(connection, {move.job_id: move.after for move in plan.relocated})
    if plan.is_empty and not plan.is_adoption:
        return Applied(None, plan)
    project = write(connection, plan, wanted, options, at)
    pending.clear_pending(connection, plan.project)
    flapping = is_flapping(connection, project)
    reach("apply_written")
    notify(connection)
    return Applied(project.revision, plan, is_flapping=flapping)


def _limits_of_waiting(lock_timeout_seconds: float) -> Limits:
    # For PostgreSQL 0 is no limit at all; not to wait is a millisecond.
    return replace(
        _PLANNING,
        statement_timeout_seconds=0,
        lock_timeout_seconds=max(lock_timeout_seconds, 0.001),
    )
