"""Guards against accidents: what an apply refuses to do unless somebody says that it is meant."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobrunner.errors import GuardRefused
from jobrunner.plan.changes import Delete, Plan
from jobrunner.spec.project import Guards

MAX_DELETES = 10
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a person has said yes to."""

    deletes: int | None = None
    """So many deletions; None: nobody was asked."""
    protected: Collection[str] = ()
    """Addresses of protected jobs that may be deleted."""
    adoption: bool = False
    """What is in force for no environment becomes this environment's."""
    is_looked_at: bool = False
    """The plan is one that was saved, or that is named by its digest."""


NOTHING_AGREED = Agreed()


def check_guards(
    plan: Plan,
    *,
    guards: Guards,
    missing_folders: Sequence[str] = (),
    agreed: Agreed = NOTHING_AGREED,
    act: str = "apply",
) -> None:
    """Raise GuardRefused when the plan looks like an accident.

    `guards` are the project's. `missing_folders` are those that it includes and that are not there,
    relative to its root: perhaps a volume that is not mounted, so no job that stood there is deleted.
    `act` is the command as it is typed, for what is said.
    Where nobody says how many deletions are allowed it is MAX_DELETES, or half of the project's jobs if
    that is less.
    """
    _check_environment(plan, agreed)
    _check_protected(plan, agreed, act)
    _check_deletes(plan, guards, missing_folders, agreed, act)
    if guards.require_plan and not agreed.is_looked_at and not plan.is_empty:
        raise GuardRefused(
            f"Project {plan.project} is applied only by a plan that somebody has looked at.",
            hint=_look_first(plan, act),
        )


def apply_just_this(plan: Plan, act: str = "apply") -> str:
    """The command that applies this plan and no other, wherever it is pasted.

    `act` is the command that has made it: `apply`, or `rollback 41`.
    """
    return f"jobrunner {act}{same_options(plan)} --expect {plan.digest}"


def _look_first(plan: Plan, act: str) -> str:
    if act != "apply":  # a plan that can be saved is made of the files
        return f"Look at what it shows, then name it: {apply_just_this(plan, act)}"
    return (
        f"Look at `jobrunner plan{same_options(plan)} --out plan.jrplan`, then `jobrunner apply "
        f"plan.jrplan`; or name this one: {apply_just_this(plan)}"
    )


def same_options(plan: Plan) -> str:
    """Options without which the files would give another plan, each after a space."""
    environment = f" -e {shlex.quote(plan.environment)}" if plan.environment else ""
    return environment + "".join(f" --target {shlex.quote(one)}" for one in plan.targets)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of git."""

    sha: str
    committed_at: datetime
    """By its committer's clock."""


@dataclass(frozen=True, slots=True)
class AppliedCommit:
    """The newest commit whose files are in force, and the revision that brought it."""

    commit: Commit
    revision: int
    author: str


def check_not_older(commit: Commit, applied: AppliedCommit, *, is_ancestor: bool | None) -> None:
    """Raise GuardRefused when `commit` is older than what was applied last.

    `is_ancestor`: of the applied one, as the repository says; None where it does not know, as when a
    checkout has never heard of the newer commit. Then the committers' clocks decide.
    """
    if is_ancestor is None:
        is_ancestor = commit.committed_at < applied.commit.committed_at
    if is_ancestor:
        raise GuardRefused(
            f"Commit {_told(commit)} is older than {_told(applied.commit)}, which {applied.author} has "
            f"applied as revision {applied.revision}.",
            hint="Update this checkout, or revert by a new commit. If the older files are meant, apply "
            "with --allow-older; to go back at once there is `jobrunner rollback`.",
        )


def _check_environment(plan: Plan, agreed: Agreed) -> None:
    if not plan.is_adoption or (agreed.adoption and not plan.applied_environment):
        return
    if not plan.applied_environment:
        raise GuardRefused(
            f"The database holds project {plan.project} for no environment, and this is an apply "
            f"{_in(plan.environment)}.",
            hint="Check the database's address. If it is the right one, and what it holds is to be "
            f"{plan.environment}'s from now on, add --adopt to `jobrunner apply`.",
        )
    raise GuardRefused(
        f"The database holds project {plan.project} {_in(plan.applied_environment)}, "
        f"and this is an apply {_in(plan.environment)}.",
        hint="Check the database's address and -e (JOBRUNNER_ENVIRONMENT): one of them is another's. A "
        "database keeps the environment that it was first applied for; another one needs a database, or "
        "a `project`, of its own.",
    )


def _check_protected(plan: Plan, agreed: Agreed, act: str) -> None:
    kept = [one for one in plan.deletes if one.is_protected and one.address not in agreed.protected]
    if kept:
        verb = "is protected" if len(kept) == 1 else "are protected"
        flags = " ".join(f"--allow-protected {change.address}" for change in kept[:_LISTED])
        in_files = (
            "Put it back into the files; or apply `protect: false` first, and then take it out; or"
        )
        raise GuardRefused(
            f"{_listed(kept)} {verb}, and would be deleted.",
            hint=f"{'If that is what you want,' if _is_rollback(act) else in_files} "
            f"add {flags} to `jobrunner {act}`.",
        )


def _check_deletes(
    plan: Plan, guards: Guards, missing_folders: Sequence[str], agreed: Agreed, act: str
) -> None:
    deletes = len(plan.deletes)
    if deletes == 0 or (agreed.deletes is not None and deletes <= agreed.deletes):
        return
    reason = _reason(plan, guards, missing_folders, agreed.deletes)
    if reason:
        raise GuardRefused(
            f"{reason} Deleted would be {_listed(plan.deletes)}.",
            hint=f"If that is what you want, add --allow-deletes {deletes} to `jobrunner {act}`.",
        )


def _is_rollback(act: str) -> bool:
    return act.startswith("rollback ")


def _reason(plan: Plan, guards: Guards, missing_folders: Sequence[str], allowed: int | None) -> str:
    deletes, before = len(plan.deletes), plan.jobs_before
    for folder in missing_folders:
        if any(_is_below(change.location.file, folder) for change in plan.deletes):
            return f"The folder {folder} is not there, and jobs that stood in it are in force."
    if plan.jobs_after == 0:
        return f"No job at all would be left, and {_jobs(before)} in force."
    if allowed is not None:
        return f"The plan deletes {deletes} of {before} jobs, and --allow-deletes says {allowed}."
    limit = min(MAX_DELETES, before // 2) if guards.max_deletes is None else guards.max_deletes
    if deletes > limit:
        return (
            f"The plan deletes {deletes} of {before} jobs, and {limit} is the most without a word."
        )
    return ""


def _is_below(file: str, folder: str) -> bool:
    return folder in {"", "."} or file.startswith(f"{folder.rstrip('/')}/")


def _told(commit: Commit) -> str:
    return f"{commit.sha[:7]} of {commit.committed_at.astimezone(UTC):%d %b %Y %H:%M} UTC"


def _jobs(number: int) -> str:
    return "1 job is" if number == 1 else f"{number} jobs are"


def _in(environment: str) -> str:
    return f"for environment {environment}" if environment else "for no environment"


def _listed(deletes: Sequence[Delete]) -> str:
    addresses = [change.address for change in deletes]
    more = len(addresses) - _LISTED
    return ", ".join(addresses[:_LISTED]) + (f" and {more} more" if more > 0 else "")
