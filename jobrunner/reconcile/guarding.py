"""What the guards go by: the project's words, what a person has agreed to, the commits of both sides."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from jobrunner.db.revisions import newest_commit
from jobrunner.desired import Desired
from jobrunner.errors import GuardRefused
from jobrunner.plan.changes import Plan, Refusal
from jobrunner.plan.guards import Agreed, Commit, check_guards, check_not_older
from jobrunner.plan.saved import SavedPlan
from jobrunner.reconcile.api_owned import ApiEdit
from jobrunner.reconcile.options import ApplyOptions
from jobrunner.reconcile.rolling_back import NO_GUARDS, Rollback
from jobrunner.reconcile.wanted import Wanted
from jobrunner.spec.project import Guards


def check_wanted(connection: Connection, plan: Plan, wanted: Wanted, options: ApplyOptions) -> None:
    """Raise GuardRefused when the plan of `wanted` looks like an accident, or the files that are checked
    out are older than those in force. A saved plan is stale by itself when its jobs have changed, and a
    rollback is older than the files because it is meant to be.
    """
    guards, missing_folders = _own_words(wanted)
    agreed = Agreed(
        deletes=options.allow_deletes,
        protected=options.allow_protected,
        adoption=options.adopt,
        is_looked_at=isinstance(wanted, SavedPlan) or bool(options.expected_digest),
    )
    check_guards(
        plan, guards=guards, missing_folders=missing_folders, agreed=agreed, act=_act(wanted)
    )
    if isinstance(wanted, Desired) and not options.allow_older and not plan.is_empty:
        _check_commit(connection, plan, options)


def with_refusal(
    connection: Connection, plan: Plan, desired: Desired, options: ApplyOptions
) -> Plan:
    """The plan, with what a guard would say of it were it applied now by somebody who has looked at it."""
    looked_at = replace(options, expected_digest=plan.digest)
    try:
        check_wanted(connection, plan, desired, looked_at)
    except GuardRefused as refused:
        return replace(plan, refused=Refusal(refused.reason, refused.hint))
    return plan


def commit_to_keep(
    connection: Connection, plan: Plan, wanted: Wanted, options: ApplyOptions
) -> Commit | None:
    """What the files of later applies are measured by; None leaves it as it was.

    A saved plan may have waited while newer files were applied: it does not lower the measure.
    """
    commit = _commit(options)
    match wanted:
        case Desired():
            return commit
        case Rollback() | ApiEdit():
            return None
        case SavedPlan():
            applied = newest_commit(connection, plan.project)
            is_newer = commit is not None and (
                applied is None or commit.committed_at >= applied.commit.committed_at
            )
            return commit if is_newer else None


def _act(wanted: Wanted) -> str:
    match wanted:
        case Desired():
            return "apply"
        case SavedPlan():
            return "apply FILE"
        case Rollback(revision=revision):
            return f"rollback {revision}"
        case ApiEdit():
            return "apply"


def _own_words(wanted: Wanted) -> tuple[Guards, Sequence[str]]:
    match wanted:
        case Desired(project=project, missing_folders=folders):
            return project.guards, folders
        case SavedPlan(origin=origin):
            return origin.guards, origin.missing_folders
        case Rollback(guards=guards):
            return guards, ()
        case ApiEdit():
            return NO_GUARDS, ()


def _check_commit(connection: Connection, plan: Plan, options: ApplyOptions) -> None:
    applied, commit = newest_commit(connection, plan.project), _commit(options)
    if applied is None or commit is None or commit.sha == applied.commit.sha:
        return
    is_ancestor = options.is_ancestor(applied.commit.sha)
    check_not_older(commit, applied, is_ancestor=is_ancestor)


def _commit(options: ApplyOptions) -> Commit | None:
    if options.git_commit is None or options.git_committed_at is None:
        return None
    return Commit(options.git_commit, options.git_committed_at)
