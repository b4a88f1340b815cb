"""Guards against accidents: what an apply refuses to do unless somebody says that it is meant."""

from collections.abc import Sequence

from jobrunner.errors import GuardRefused
from jobrunner.plan.changes import Plan

MAX_DELETES = 10
_LISTED = 5


def check_guards(
    plan: Plan,
    *,
    missing_folders: Sequence[str],
    allow_deletes: int | None = None,
) -> None:
    """Raise GuardRefused when the plan looks like an accident.

    `missing_folders` are those that the project includes and that are not there, relative to its
    root: perhaps a volume that is not mounted, so no job that stood there is deleted.
    `allow_deletes` is the number of deletions a person has agreed to; None: nobody was asked, and
    what is allowed is MAX_DELETES, or half of the project's jobs if that is less.
    """
    _check_environment(plan)
    deletes = len(plan.deletes)
    if deletes == 0 or (allow_deletes is not None and deletes <= allow_deletes):
        return
    reason = _reason(plan, missing_folders, allow_deletes)
    if reason:
        raise GuardRefused(
            f"{reason} Nothing was changed. Deleted would be {_listed(plan)}.",
            hint=f"If that is what you want, apply with --allow-deletes {deletes}.",
        )


def _check_environment(plan: Plan) -> None:
    if plan.base_revision == 0 or plan.environment == plan.applied_environment:
        return
    raise GuardRefused(
        f"The database holds project {plan.project} {_in(plan.applied_environment)}, "
        f"and this is an apply {_in(plan.environment)}. Nothing was changed.",
        hint="Check JOBRUNNER_DATABASE_URL and JOBRUNNER_ENVIRONMENT: one of them is another's.",
    )


def _reason(plan: Plan, missing_folders: Sequence[str], allow_deletes: int | None) -> str:
    deletes, before = len(plan.deletes), plan.jobs_before
    for folder in missing_folders:
        if any(_is_below(change.location.file, folder) for change in plan.deletes):
            return f"The folder {folder} is not there, and jobs that stood in it are in force."
    if plan.jobs_after == 0:
        return f"The files define no job at all, but {_jobs(before)} in force."
    if allow_deletes is not None:
        return f"The plan deletes {deletes} of {before} jobs, and --allow-deletes says {allow_deletes}."
    limit = min(MAX_DELETES, before // 2)
    if deletes > limit:
        return (
            f"The plan deletes {deletes} of {before} jobs, and {limit} is the most without a word."
        )
    return ""


def _is_below(file: str, folder: str) -> bool:
    return folder in {"", "."} or file.startswith(f"{folder.rstrip('/')}/")


def _jobs(number: int) -> str:
    return "1 job is" if number == 1 else f"{number} jobs are"


def _in(environment: str) -> str:
    return f"for environment {environment}" if environment else "for no environment"


def _listed(plan: Plan) -> str:
    addresses = [change.address for change in plan.deletes]
    more = len(addresses) - _LISTED
    return ", ".join(addresses[:_LISTED]) + (f" and {more} more" if more > 0 else "")
