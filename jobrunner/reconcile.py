"""Files → plan → rows. `plan` stops before the write, `apply` goes on, `watch` applies again and again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine

from jobrunner.check_tasks import check_tasks
from jobrunner.crash_points import reach
from jobrunner.db import intervals, jobs, pauses, projects, revisions, schedules
from jobrunner.db.current import read_current
from jobrunner.db.engine import Limits, change_limits, database_now, transaction
from jobrunner.db.jobs import LockedSchedule
from jobrunner.db.projects import Project
from jobrunner.db.schedules import WrittenSchedule
from jobrunner.db.wakeups import notify
from jobrunner.errors import ConfigurationError, Conflict, NotFound, StalePlan
from jobrunner.files import ProjectFiles, read_project
from jobrunner.plan.changes import Create, Delete, Plan, ScheduleChange, changes_as_json
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.guards import check_guards
from jobrunner.plan.load import HORIZON
from jobrunner.plan.saved import SavedPlan, only_touched, stale_because
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.schedule import next_time, run_at
from jobrunner.sealing import NO_KEYS, Keyring, seal_job
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import DefinedJob, JobSpec, ScheduleSpec
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import NOTHING_GIVEN, Given, Move, ProjectSpec
from jobrunner.spec.source_lines import with_source_lines
from jobrunner.spec.yaml import SourceFile
from jobrunner.zone_data import zone_data_version

LOCK_TIMEOUT_SECONDS = 30.0
_LIMITS = Limits(
    statement_timeout_seconds=60.0, lock_timeout_seconds=10.0, idle_timeout_seconds=60.0
)
"""Idle: a plan for 10,000 jobs is computed between two statements."""
_DUE_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Desired:
    """What the files say, read at one moment."""

    project: ProjectSpec
    environment: str
    root: Path
    jobs: tuple[DefinedJob, ...]
    """Sorted by address."""
    moves: tuple[Move, ...]
    files: int
    """How many job files were read."""
    missing_folders: tuple[str, ...]
    """Where `include` looks and nothing is at all; an empty folder is not missing."""
    diagnostics: tuple[Diagnostic, ...]
    """Warnings; with an error there is no `Desired`."""
    content_hash: str
    """Of all files that were read: the same hash, the same definitions."""
    sources: tuple[SourceFile, ...] = ()
    """What was read, for quoting its lines."""
    has_project_file: bool = True
    """False: none was found, and the project is `default` for that reason."""


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """Who applies, and what has been agreed to."""

    author: str
    git_commit: str | None = None
    """None outside a git work tree."""
    git_dirty: bool = False
    expected_digest: str = ""
    """Of the plan that was looked at; '' applies whatever the plan is now."""
    allow_deletes: int | None = None
    """As many deletions are meant; None: see `plan.guards`."""
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    targets: Targets = EVERY_JOB
    keyring: Keyring = NO_KEYS
    """Seals sensitive arguments."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    revision: int | None
    """Its number; None when there was nothing to do."""
    plan: Plan


class Recorded(Protocol):
    """What a dispatch has written: `dispatch.Recorded`."""

    @property
    def due(self) -> int: ...
    @property
    def bad(self) -> int: ...


class RecordDue(Protocol):
    """`dispatch.record_due`: the ordinary dispatch of these schedules, in the caller's transaction."""

    def __call__(
        self, connection: Connection, *, schedule_ids: Sequence[UUID], now: datetime
    ) -> Recorded: ...


def read_desired(
    *, config: Path | None, working_directory: Path, given: Given = NOTHING_GIVEN
) -> Desired:
    """The definitions of the project that `working_directory` lies in, or of the file `config`.

    Needs no database. Raises ConfigurationError with all mistakes of all files.
    """
    return understand(read_project(config=config, working_directory=working_directory), given)


def understand(read: ProjectFiles, given: Given) -> Desired:
    """The definitions that these files hold. Raises ConfigurationError with all their mistakes."""
    parsed = parse_project(read.config, read.files, given=given)
    diagnostics = (*read.diagnostics, *check_tasks(read, parsed, mode=given.check_tasks))
    if has_errors(diagnostics):
        raise _mistakes(diagnostics)
    return Desired(
        project=parsed.project,
        environment=given.environment,
        root=read.root,
        jobs=parsed.jobs,
        moves=parsed.moves,
        files=len(read.files),
        missing_folders=read.missing_folders,
        diagnostics=diagnostics,
        content_hash=read.content_hash,
        sources=read.sources,
        has_project_file=read.config is not None,
    )


def plan_project(
    connection: Connection,
    desired: Desired,
    *,
    keyring: Keyring = NO_KEYS,
    targets: Targets = EVERY_JOB,
    horizon: timedelta = HORIZON,
    now: datetime | None = None,
) -> Plan:
    """What an apply would change, in the caller's transaction; nothing is written or locked.

    `now` None is the database's clock. Raises Conflict when another project owns an address,
    NotFound for a target that is no job, and UsageError when a job has sensitive arguments and
    `keyring` no key.
    """
    return compare(
        connection, desired, keyring=keyring, targets=targets, horizon=horizon, now=now
    ).plan


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan, and what it was made from."""

    plan: Plan
    current: CurrentProject


def compare(
    connection: Connection,
    desired: Desired,
    *,
    keyring: Keyring = NO_KEYS,
    targets: Targets = EVERY_JOB,
    horizon: timedelta = HORIZON,
    now: datetime | None = None,
) -> Compared:
    """The same as `plan_project`, for whoever saves the plan."""
    current = _read_current(connection, desired)
    _check_targets(targets, desired, current)
    plan = make_plan(
        current,
        _sealed(desired.jobs, current, keyring),
        now=now or database_now(connection),
        environment=desired.environment,
        moves=desired.moves,
        targets=targets,
        horizon=horizon,
        diagnostics=desired.diagnostics,
    )
    plan = replace(plan, diagnostics=with_source_lines(plan.diagnostics, desired.sources))
    return Compared(plan, current)


def plan_saved(connection: Connection, saved: SavedPlan, *, now: datetime | None = None) -> Plan:
    """The same changes as they would be made now; needs no file of the project.

    Raises StalePlan when a job that the plan touches is not what it was, and Conflict when another
    project owns an address.
    """
    name, addresses = saved.current.name, [job.address for job in saved.jobs]
    jobs.check_owners(connection, name, addresses)
    current = read_current(connection, name, addresses)
    _check_not_stale(stale_because(saved, current))
    plan = make_plan(
        only_touched(current, saved.plan().changes),
        saved.jobs,
        now=now or database_now(connection),
        environment=saved.environment,
        moves=saved.moves,
    )
    _check_expected(plan, saved.digest)
    in_force = len(current.jobs)
    return replace(
        plan,
        relocated=(),
        jobs_before=in_force,
        jobs_after=in_force + len(plan.creates) - len(plan.deletes),
        unchanged=in_force - len(plan.updates) - len(plan.deletes),
        diagnostics=saved.figures.diagnostics,
    )


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
        _check_expected(plan, options.expected_digest)
        check_guards(plan, missing_folders=missing_folders, allow_deletes=options.allow_deletes)
        jobs.write_locations(connection, {move.job_id: move.after for move in plan.relocated})
        if plan.is_empty:
            return Applied(None, plan)
        at = _settle_due(connection, plan, record_due, now)
        project = _write(connection, plan, options, at)
        reach("apply_written")
        notify(connection)
    reach("apply_committed")
    return Applied(project.revision, plan)


def _mistakes(diagnostics: Sequence[Diagnostic]) -> ConfigurationError:
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    number = "1 mistake" if errors == 1 else f"{errors} mistakes"
    return ConfigurationError(
        f"The configuration has {number}; nothing was changed.", diagnostics=diagnostics
    )


def _read_current(connection: Connection, desired: Desired) -> CurrentProject:
    name = desired.project.project
    _check_owners(connection, desired)
    return read_current(connection, name, [job.address for job in desired.jobs])


def _check_targets(targets: Targets, desired: Desired, current: CurrentProject) -> None:
    known = {job.address for job in desired.jobs} | {job.address for job in current.jobs}
    unknown = targets.without_a_job(known)
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        raise NotFound(
            f"There is no job {unknown[0]}, neither in the files nor in force.",
            hint=f"Did you mean {close[0]}?" if close else "`jobrunner plan` shows what changes.",
        )


def _check_owners(connection: Connection, desired: Desired) -> None:
    try:
        jobs.check_owners(connection, desired.project.project, [j.address for j in desired.jobs])
    except Conflict as error:
        if desired.has_project_file:
            raise
        raise Conflict(
            error.message,
            hint=f"No jobrunner.yaml was found in {desired.root} or above it, so this is the project "
            "'default'. Go to the project's folder, or name its file with --config.",
        ) from error


def _limits_of_waiting(lock_timeout_seconds: float) -> Limits:
    # For PostgreSQL 0 is no limit at all; not to wait is a millisecond.
    return replace(
        _LIMITS, statement_timeout_seconds=0, lock_timeout_seconds=max(lock_timeout_seconds, 0.001)
    )


def _sealed(
    jobs: Sequence[DefinedJob], current: CurrentProject, keyring: Keyring
) -> Sequence[DefinedJob]:
    """From here on no sensitive argument is readable, so that nothing that is stored can hold one."""
    in_force = {job.address: job.in_force for job in current.jobs}
    return [
        job.model_copy(update={"spec": seal_job(job.spec, in_force.get(job.address), keyring)})
        if job.spec.sensitive
        else job
        for job in jobs
    ]


def _check_not_stale(reasons: Iterator[str]) -> None:
    reason = next(reasons, "")
    if not reason:
        return
    others = sum(1 for _ in reasons)
    more = f" {others} more of its jobs have changed." if others else ""
    raise StalePlan(
        f"The saved plan is stale. {reason}{more} Nothing was changed.",
        hint="Make it anew and look at it again: jobrunner plan --out FILE",
    )


def _check_expected(plan: Plan, expected_digest: str) -> None:
    if expected_digest and expected_digest != plan.digest:
        raise StalePlan(
            f"The plan is no longer the one that was expected: its digest is {plan.digest}, "
            f"not {expected_digest}. Nothing was changed.",
            hint="Look at `jobrunner plan` again, and apply with its digest.",
        )


def _settle_due(
    connection: Connection, plan: Plan, record_due: RecordDue, now: datetime | None
) -> datetime:
    """Lock what changes and dispatch what it owes; the moment from which the new times count.

    The clock is read after the locks are held and is the same for both sides, so a time is owed by
    the old definition or by the new one and never by both or none.
    """
    job_ids = [c.job_id for c in plan.changes if not isinstance(c, Create)]
    locked = jobs.lock_jobs(connection, job_ids)
    at = now or database_now(connection)
    due = [s.id for s in locked.values() if s.next_run_at is not None and s.next_run_at <= at]
    for start in range(0, len(due), _DUE_BATCH):
        _record(connection, record_due, due[start : start + _DUE_BATCH], at)
    if due:  # the next of theirs may be owed by now and wait for its jitter
        locked = jobs.lock_jobs(connection, job_ids)
    for schedule in _waiting_for_jitter(plan, locked, at):
        assert schedule.next_run_at is not None  # noqa: S101  see the query above
        _record(connection, record_due, [schedule.id], schedule.next_run_at)
    return at


def _record(
    connection: Connection, record_due: RecordDue, schedule_ids: Sequence[UUID], at: datetime
) -> None:
    """A very long backlog takes several rounds. The runs are sent by the beats after the commit."""
    recorded = record_due(connection, schedule_ids=schedule_ids, now=at)
    while recorded.due > recorded.bad:
        recorded = record_due(connection, schedule_ids=schedule_ids, now=at)


def _waiting_for_jitter(
    plan: Plan, locked: Mapping[UUID, LockedSchedule], at: datetime
) -> Iterator[LockedSchedule]:
    """Schedules whose nominal time has passed and whose jitter has not, and that are to move.

    The time is owed all the same; it starts without the rest of its jitter. A schedule that is
    deleted or switched off owes nothing that has not started.
    """
    for change in _schedule_changes(plan):
        schedule = locked.get(change.schedule_id) if change.schedule_id is not None else None
        if schedule is None or schedule.next_scheduled_for is None or schedule.next_run_at is None:
            continue
        is_on = change.forecast.next_after is not None
        if (
            change.is_timing_changed
            and is_on
            and schedule.next_scheduled_for <= at < schedule.next_run_at
        ):
            yield schedule


def _schedule_changes(plan: Plan) -> Iterator[ScheduleChange]:
    for change in plan.changes:
        yield from change.schedules


def _write(connection: Connection, plan: Plan, options: ApplyOptions, at: datetime) -> Project:
    project = projects.start_revision(connection, plan.project, environment=plan.environment)
    jobs.rename_jobs(connection, {move.job_id: move.address for move in plan.moves})
    pauses.rename_targets(connection, {move.moved_from: move.address for move in plan.moves})
    ids = jobs.write_jobs(
        connection,
        project.id,
        [change.job for change in plan.changes if not isinstance(change, Delete)],
        revision=project.revision,
        git_commit=options.git_commit,
    )
    jobs.delete_jobs(connection, [change.job_id for change in plan.deletes])
    _write_schedules(connection, plan, ids, at)
    revisions.insert_revision(
        connection,
        project,
        author=options.author,
        git_commit=options.git_commit,
        git_dirty=options.git_dirty,
        digest=plan.digest,
        changes=changes_as_json(plan.changes),
    )
    return project


def _write_schedules(
    connection: Connection, plan: Plan, ids: Mapping[str, UUID], at: datetime
) -> None:
    wanted = [
        (change, schedule, schedule.after)
        for change in plan.changes
        if not isinstance(change, Delete)
        for schedule in change.schedules
        if schedule.after is not None
    ]
    gone = [
        schedule.schedule_id
        for schedule in _schedule_changes(plan)
        if schedule.after is None and schedule.schedule_id is not None
    ]
    written = schedules.write_schedules(
        connection, [WrittenSchedule(ids[change.address], spec) for change, _, spec in wanted]
    )
    schedules.delete_schedules(connection, gone)
    moved = [
        (written[ids[change.address], spec.name], change.job.spec, spec)
        for change, schedule, spec in wanted
        if schedule.is_timing_changed
    ]
    _set_times(connection, moved, gone, at)


def _set_times(
    connection: Connection,
    moved: Sequence[tuple[UUID, JobSpec, ScheduleSpec]],
    gone: Sequence[UUID],
    at: datetime,
) -> None:
    """When they are due next, and what `fsck` will compute it from."""
    next_times = [(moved_id, *_next_times(job, spec, at)) for moved_id, job, spec in moved]
    schedules.set_next_times(
        connection, [*next_times, *((gone_id, None, None) for gone_id in gone)]
    )
    intervals.end_intervals(connection, [*(moved_id for moved_id, _, _ in moved), *gone], at=at)
    on = [moved_id for moved_id, job, spec in moved if _is_on(job, spec)]
    intervals.start_intervals(connection, on, at=at, zone_data=zone_data_version())


def _is_on(job: JobSpec, spec: ScheduleSpec) -> bool:
    return job.enabled and spec.enabled


def _next_times(
    job: JobSpec, spec: ScheduleSpec, at: datetime
) -> tuple[datetime, datetime] | tuple[None, None]:
    timing = spec.timing(job.address)
    scheduled_for = next_time(timing, at) if _is_on(job, spec) else None
    if scheduled_for is None:
        return None, None
    return scheduled_for, run_at(timing, f"{job.address}#{spec.name}", scheduled_for)
