"""Applies the files; what a guard refuses is left in the database, until a person approves exactly that."""

from dataclasses import replace

from sqlalchemy import Engine

from jobrunner.db.engine import transaction
from jobrunner.db.pending import (
    PendingPlan,
    approved_plan,
    clear_pending,
    end_approval,
    leave_pending,
)
from jobrunner.errors import GuardRefused, StalePlan
from jobrunner.reconcile import Applied, ApplyOptions, Desired, apply_project, plan_project, reading
from jobrunner.recording import record_due


def apply_or_leave(engine: Engine, desired: Desired, options: ApplyOptions) -> Applied:
    """Apply the files, by an approval where there is one for just this plan.

    Raises what `apply_project` raises; with GuardRefused the plan is left for a person.
    """
    applied = _apply_approved(engine, desired, options)
    if applied is not None:
        return applied
    try:
        applied = apply_project(engine, desired, options=options, record_due=record_due)
    except GuardRefused as refused:
        _leave(engine, desired, options, refused)
        raise
    if applied.plan.is_empty:
        with transaction(engine) as connection:
            clear_pending(connection, desired.project.project)
    return applied


def is_approved(engine: Engine, project: str) -> bool:
    """Whether somebody has approved what was left."""
    with transaction(engine) as connection:
        return approved_plan(connection, project) is not None


def _apply_approved(engine: Engine, desired: Desired, options: ApplyOptions) -> Applied | None:
    """None where there is no approval, or the files say something else by now."""
    project = desired.project.project
    with transaction(engine) as connection:
        approved = approved_plan(connection, project)
    if approved is None:
        return None
    agreed = _agreed(options, approved)
    try:
        return apply_project(engine, desired, options=agreed, record_due=record_due)
    except StalePlan:
        return None
    except GuardRefused as refused:
        with transaction(engine) as connection:
            end_approval(connection, project, approved.digest, reason=refused.reason)
        raise


def _agreed(options: ApplyOptions, approved: PendingPlan) -> ApplyOptions:
    """Who approves a plan has seen each of its deletions, and which commit it is of."""
    deleted = [one["address"] for one in approved.plan["changes"] if one["action"] == "delete"]
    return replace(
        options,
        author=approved.approved_by or options.author,
        expected_digest=approved.digest,
        allow_deletes=len(deleted),
        allow_protected=tuple(deleted),
        allow_older=True,
    )


def _leave(engine: Engine, desired: Desired, options: ApplyOptions, refused: GuardRefused) -> None:
    with reading(engine) as connection:
        plan = plan_project(connection, desired, keyring=options.keyring)
    with transaction(engine) as connection:
        leave_pending(
            connection,
            project=plan.project,
            digest=plan.digest,
            plan=plan.as_json(),
            reason=refused.reason,
            made_by=options.author,
        )
