"""What an apply would change, without changing it: files, a saved plan or another checkout are one side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from sqlalchemy import Connection, Engine

from jobrunner.beside import shared
from jobrunner.db import jobs
from jobrunner.db.current import InForce, read_current, read_in_force, with_deleted
from jobrunner.db.engine import (
    Limits,
    change_limits,
    database_now,
    of_one_moment,
    transaction,
)
from jobrunner.desired import Desired
from jobrunner.errors import Conflict, NotFound, StalePlan
from jobrunner.plan.changes import Plan
from jobrunner.plan.current import CurrentProject, as_if_applied
from jobrunner.plan.diff import make_plan
from jobrunner.plan.load import HORIZON
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.plan.saved import SavedPlan, only_touched, stale_because
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.sealing import NO_KEYS, Keyring, seal_job
from jobrunner.source.tasks import TaskSources
from jobrunner.spec.models import DefinedJob, JsonValue
from jobrunner.spec.project import Move
from jobrunner.spec.source_lines import with_source_lines

THINKING_SECONDS = 600.0
"""Between two statements of a plan: a hundred thousand jobs on a busy machine, or git on a slow disk. No
row is locked meanwhile."""


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction to make a plan in: all that it reads is of one moment, and it may think for a while."""
    with transaction(of_one_moment(engine)) as connection:
        change_limits(connection, Limits(idle_timeout_seconds=THINKING_SECONDS))
        yield connection


def plan_project(
    connection: Connection,
    desired: Desired,
    *,
    keyring: Keyring = NO_KEYS,
    targets: Targets = EVERY_JOB,
    now: datetime | None = None,
) -> Plan:
    """What an apply would change, in the caller's transaction; nothing is written or locked.

    `now` None is the database's clock. Raises Conflict when another project owns an address,
    NotFound for a target that is no job, and UsageError when a job has sensitive arguments and
    `keyring` no key.
    """
    return compare(connection, desired, keyring=keyring, targets=targets, now=now).plan


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan, and what it was made from."""

    plan: Plan
    current: CurrentProject
    moves: tuple[Move, ...]


def compare(
    connection: Connection,
    desired: Desired,
    *,
    keyring: Keyring = NO_KEYS,
    targets: Targets = EVERY_JOB,
    horizon: timedelta = HORIZON,
    now: datetime | None = None,
    in_force: InForce | None = None,
) -> Compared:
    """The same as `plan_project`, for whoever saves the plan.

    `in_force`: what is compared with, where this transaction has read it already.
    """
    current = _read_current(connection, desired, in_force)
    now = now or database_now(connection)
    plan = _plan_of_files(desired, current, keyring, targets=targets, horizon=horizon, now=now)
    return Compared(plan, current, desired.moves)


def plan_against(
    desired: Desired,
    others: Sequence[DefinedJob],
    *,
    notifiers: Mapping[str, JsonValue] | None,
    what: str,
    now: datetime,
    keyring: Keyring | None = None,
    targets: Targets = EVERY_JOB,
    horizon: timedelta = HORIZON,
) -> Plan:
    """What the files would change where `others` are in force, which `what` names; asks no database.

    `notifiers` are those of the other side; None where it does not know: then nothing is said of them.
    `keyring` seals the sensitive arguments where those of `others` are sealed; None where they are not.
    It is to be looked at and not to be applied, so it has no digest. Raises NotFound for a target
    that is no job.
    """
    if notifiers is None:
        notifiers = {name: one.url for name, one in desired.notifiers.items()}
    current = as_if_applied(desired.project.project, others, notifiers, now=now)
    plan = _plan_of_files(desired, current, keyring, targets=targets, horizon=horizon, now=now)
    return replace(plan, digest="", against=what)


def plan_saved(connection: Connection, saved: SavedPlan, *, now: datetime | None = None) -> Plan:
    """The same changes as they would be made now; needs no file of the project.

    Raises StalePlan when a job or a notifier that the plan touches is not what it was, and Conflict when
    another project owns an address.
    """
    name, addresses = saved.current.name, [job.address for job in saved.jobs]
    jobs.check_owners(connection, name, addresses)
    current = read_current(connection, name, addresses)
    _check_not_stale(stale_because(saved, current))
    touched = only_touched(current, saved.plan())
    plan = make_plan(
        touched,
        saved.jobs,
        now=now or database_now(connection),
        environment=saved.environment,
        moves=saved.moves,
    )
    plan = with_notifiers(plan, touched.notifiers, saved.notifiers)
    check_expected(plan, saved.digest)
    in_force, figures = len(current.jobs), saved.figures
    unchanged = in_force - len(plan.updates) - len(plan.deletes)
    return replace(
        plan,
        relocated=(),
        jobs_before=in_force,
        jobs_after=in_force + len(plan.creates) - len(plan.deletes),
        unchanged=figures.unchanged if figures.targets else unchanged,
        # Of the whole project, which only the files know: as it was shown when it was saved.
        load_before=figures.load_before,
        load_after=figures.load_after,
        horizon=figures.horizon,
        targets=figures.targets,
        left_out=figures.left_out,
        signatures=figures.signatures,
        diagnostics=figures.diagnostics,
    )


def check_expected(plan: Plan, expected_digest: str) -> None:
    """Raise StalePlan for another digest than the expected one; '' expects none."""
    if expected_digest and expected_digest != plan.digest:
        raise StalePlan(
            f"The plan is no longer the one that was expected: its digest is {plan.digest}, "
            f"not {expected_digest}. Nothing was changed.",
            hint="Look at `jobrunner plan` again, and apply with its digest.",
        )


def check_targets(targets: Targets, known: Iterable[str], *, where: str) -> None:
    """Raise NotFound for a target that is no job of either side; `where` names the other one."""
    addresses = set(known)
    unknown = targets.without_a_job(addresses)
    if unknown:
        close = get_close_matches(unknown[0], addresses, n=1)
        raise NotFound(
            f"There is no job {unknown[0]}, neither {where} nor in force.",
            hint=f"Did you mean {close[0]}?" if close else "`jobrunner plan` shows what changes.",
        )


def _read_current(
    connection: Connection, desired: Desired, in_force: InForce | None
) -> CurrentProject:
    wanted = [job.address for job in desired.jobs]
    in_force = in_force or read_in_force(connection, desired.project.project)
    current = with_deleted(connection, in_force, wanted)
    own = {job.address for job in current.jobs}
    # What is in force here is nobody else's.
    _check_owners(connection, desired, [one for one in wanted if one not in own])
    return current


def _check_owners(connection: Connection, desired: Desired, new: Sequence[str]) -> None:
    try:
        jobs.check_owners(connection, desired.project.project, new)
    except Conflict as error:
        if desired.has_project_file:
            raise
        raise Conflict(
            error.message,
            hint=f"No jobrunner.yaml was found in {desired.root} or above it, so this is the project "
            "'default'. Go to the project's folder, or name its file with --config.",
        ) from error


def _plan_of_files(
    desired: Desired,
    current: CurrentProject,
    keyring: Keyring | None,
    *,
    targets: Targets,
    horizon: timedelta,
    now: datetime,
) -> Plan:
    """`keyring` None: nothing is sealed on either side."""
    if targets:
        check_targets(targets, _addresses(desired, current), where="in the files")
    plan = make_plan(
        current,
        desired.jobs if keyring is None else _sealed(desired.jobs, current, keyring),
        now=now,
        environment=desired.environment,
        moves=desired.moves,
        targets=targets,
        horizon=horizon,
        diagnostics=desired.diagnostics,
        each=shared,
    )
    plan = with_notifiers(
        plan, current.notifiers, desired.notifiers, desired=desired.jobs, targets=targets
    )
    return _told_more(plan, desired)


def _addresses(desired: Desired, current: CurrentProject) -> list[str]:
    return [*(job.address for job in desired.jobs), *(job.address for job in current.jobs)]


def _sealed(
    jobs: Sequence[DefinedJob], current: CurrentProject, keyring: Keyring
) -> Sequence[DefinedJob]:
    """From here on no sensitive argument is readable, so that nothing that is stored can hold one."""
    in_force = {job.address: job.in_force for job in current.jobs}
    return [
        job._replace(spec=seal_job(job.spec, in_force.get(job.address), keyring))
        if job.spec.sensitive
        else job
        for job in jobs
    ]


def _told_more(plan: Plan, desired: Desired) -> Plan:
    """With what only the files and the code beside them can tell."""
    sources = TaskSources(desired.root, allow=desired.project.allow.tasks)
    tasks = {job.spec.task for job in (change.job for change in plan.creates) if job.spec.task}
    signatures = {task: told for task in sorted(tasks) if (told := sources.signature_text(task))}
    diagnostics = with_source_lines(plan.diagnostics, desired.sources)
    return replace(plan, diagnostics=diagnostics, signatures=signatures)


def _check_not_stale(reasons: Iterator[str]) -> None:
    reason = next(reasons, "")
    if not reason:
        return
    others = sum(1 for _ in reasons)
    more = f" {others} more of what it touches changed, too." if others else ""
    raise StalePlan(
        f"The saved plan is stale. {reason}{more} Nothing was changed.",
        hint="Make it anew and look at it again: jobrunner plan --out FILE",
    )
