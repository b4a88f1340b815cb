"""The plan: what is in force compared with what the files say, model by model, never as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobrunner.plan.changes import (
    Change,
    Create,
    Delete,
    FieldChange,
    Pause,
    Plan,
    Relocated,
    ScheduleChange,
    Update,
)
from jobrunner.plan.digest import canonical_json, plan_digest, spec_digest
from jobrunner.plan.fields import Difference, differences, field_label, field_line, given_fields
from jobrunner.plan.forecast import forecast_edit
from jobrunner.plan.lint import lint_jobs
from jobrunner.plan.load import forecast_load
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import RULES, DefinedJob, JobSpec, Location, ScheduleSpec
from jobrunner.spec.project import Move
from jobrunner.spec.secrets import hidden

TIMING_FIELDS = (
    *RULES,
    "timezone",
    "anchor",
    "dtstart",
    "exdate",
    "rdate",
    "start_at",
    "end_at",
    "exclude",
    "dst",
    "jitter",
    "max_runs",
    "enabled",
)
"""Of a schedule: a change of one of these, and of nothing else, moves its next time."""


@dataclass(frozen=True, slots=True)
class CurrentSchedule:
    """A schedule row that is not deleted."""

    id: UUID
    name: str
    spec: ScheduleSpec | None
    """None when the row cannot be read."""
    next_scheduled_for: datetime | None
    last_run_at: datetime | None
    total_run_count: int
    """In its life, of its own times; `max_runs` bounds it."""


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """A job of the project that is in force."""

    id: UUID
    address: str
    applied: JobSpec | None
    """The definition of the last apply; None when it cannot be read."""
    in_force: JobSpec | None
    """The same with what dispatch reads from columns and schedule rows; None when some cannot be
    read. It differs from `applied` where somebody has changed the database by hand."""
    digest: str
    """Of the definition of the last apply, as it was written then."""
    problem: str
    """Why it cannot be read, as a sentence; '' when it can."""
    location: Location
    revision: int
    """Which revision brought the definition."""
    schedules: tuple[CurrentSchedule, ...]
    active_runs: int


@dataclass(frozen=True, slots=True)
class CurrentProject:
    """What the database holds of a project; revision 0 and no jobs before its first apply."""

    name: str
    environment: str
    revision: int
    jobs: tuple[CurrentJob, ...]
    pauses: tuple[Pause, ...]
    """All that are in force, of whatever scope."""


def make_plan(
    current: CurrentProject,
    desired: Sequence[DefinedJob],
    *,
    now: datetime,
    environment: str = "",
    moves: Sequence[Move] = (),
    diagnostics: Sequence[Diagnostic] = (),
) -> Plan:
    """What an apply of `desired` would change; empty when it has just been applied.

    `now` is the database's clock, aware and UTC; `diagnostics` are the warnings of the files, to
    which those of the lints are added. The order of either side does not matter.
    """
    desired = sorted(desired, key=lambda job: (job.location.file, job.location.line, job.address))
    wanted = {job.address: job for job in desired}
    in_force = _moved({job.address: job for job in current.jobs}, wanted, moves)
    changes = tuple(sorted(_changes(current, in_force, wanted, now), key=lambda c: c.address))
    return Plan(
        project=current.name,
        environment=environment,
        applied_environment=current.environment,
        base_revision=current.revision,
        changes=changes,
        relocated=tuple(_relocated(in_force, wanted)),
        unchanged=len(wanted) - sum(not isinstance(change, Delete) for change in changes),
        jobs_before=len(in_force),
        jobs_after=len(wanted),
        digest=plan_digest(current.name, environment, (_digest_parts(c) for c in changes)),
        load_before=forecast_load(_known_specs(current.jobs), now=now),
        load_after=forecast_load([job.spec for job in desired], now=now),
        diagnostics=_in_file_order([*diagnostics, *lint_jobs(desired, now=now)]),
        now=now,
    )


def _moved(
    in_force: Mapping[str, CurrentJob], wanted: Mapping[str, DefinedJob], moves: Sequence[Move]
) -> Mapping[str, CurrentJob]:
    """The jobs in force by the address that they are to have. A move that has been made, or whose job is
    not there, says nothing: it may stay in the files for ever.
    """
    moved = dict(in_force)
    for move in moves:
        if move.new in wanted and move.old not in wanted and move.new not in moved:
            job = moved.pop(move.old, None)
            if job is not None:
                moved[move.new] = job
    return moved


def _changes(
    current: CurrentProject,
    in_force: Mapping[str, CurrentJob],
    wanted: Mapping[str, DefinedJob],
    now: datetime,
) -> Iterator[Change]:
    for address, job in wanted.items():
        before = in_force.get(address)
        if before is None:
            yield _create(job, current.pauses, now)
        elif before.address != address or not _is_same(before.in_force, job.spec):
            yield _update(before, job, current.pauses, now)
    for address, before in in_force.items():
        if address not in wanted:
            yield _delete(before, current.pauses, now)


def _is_same(before: JobSpec | None, after: JobSpec) -> bool:
    if before == after:
        # Python says `True == 1 == 1.0`; a callable sees the difference.
        return canonical_json([before.args, before.kwargs]) == canonical_json(
            [after.args, after.kwargs]
        )
    return before is not None and spec_digest(before) == spec_digest(after)


def _create(job: DefinedJob, pauses: Sequence[Pause], now: datetime) -> Create:
    return Create(
        job=job,
        fields=tuple(_field(difference, job) for difference in given_fields(job.spec)),
        schedules=tuple(_schedule_changes((), None, job.spec, now)),
        pauses=_covering(pauses, job.spec),
    )


def _update(before: CurrentJob, job: DefinedJob, pauses: Sequence[Pause], now: datetime) -> Update:
    return Update(
        job=job,
        job_id=before.id,
        moved_from="" if before.address == job.address else before.address,
        before=before.in_force,
        fields=_changed_fields(before, job),
        schedules=tuple(_schedule_changes(before.schedules, before.in_force, job.spec, now)),
        replaces=before.problem,
        pauses=_covering(pauses, job.spec),
    )


def _delete(before: CurrentJob, pauses: Sequence[Pause], now: datetime) -> Delete:
    return Delete(
        address=before.address,
        job_id=before.id,
        before=before.in_force,
        location=before.location,
        revision=before.revision,
        last_run_at=max(
            (s.last_run_at for s in before.schedules if s.last_run_at is not None), default=None
        ),
        active_runs=before.active_runs,
        schedules=tuple(_schedule_changes(before.schedules, before.in_force, None, now)),
        pauses=() if before.in_force is None else _covering(pauses, before.in_force),
    )


def _changed_fields(before: CurrentJob, job: DefinedJob) -> tuple[FieldChange, ...]:
    if before.in_force is None:
        return ()
    changed = differences(before.in_force, job.spec)
    by_the_files = changed
    if before.digest == spec_digest(job.spec):
        by_the_files = ()  # the files say what they said at the last apply
    elif before.applied != before.in_force:
        by_the_files = () if before.applied is None else differences(before.applied, job.spec)
    edited = {difference.path for difference in by_the_files}
    return tuple(_field(d, job, before.in_force, is_drift=d.path not in edited) for d in changed)


def _field(
    difference: Difference,
    job: DefinedJob,
    before: JobSpec | None = None,
    *,
    is_drift: bool = False,
) -> FieldChange:
    sensitive = {*job.spec.sensitive, *(() if before is None else before.sensitive)}
    return FieldChange(
        path=field_label(difference.path),
        kind=difference.kind,
        old=hidden(difference.path, difference.old, sensitive),
        new=hidden(difference.path, difference.new, sensitive),
        line=field_line(difference.path, job.field_lines),
        is_drift=is_drift,
    )


def _schedule_changes(
    rows: Sequence[CurrentSchedule], before: JobSpec | None, after: JobSpec | None, now: datetime
) -> Iterator[ScheduleChange]:
    """By name. `before` None with rows: the definition cannot be read, its schedules may be."""
    stored = {row.name: row for row in rows}
    wanted = {spec.name: spec for spec in after.schedules} if after is not None else {}
    is_switched = before is not None and after is not None and before.enabled != after.enabled
    for name in sorted({*stored, *wanted}):
        row, new = stored.get(name), wanted.get(name)
        if row is None or new is None:
            yield _schedule_change(name, row, new, after, now, is_timing_changed=True)
        elif is_switched or row.spec != new:
            moved = is_switched or _is_timing_changed(row.spec, new)
            yield _schedule_change(name, row, new, after, now, is_timing_changed=moved)


def _schedule_change(
    name: str,
    row: CurrentSchedule | None,
    new: ScheduleSpec | None,
    job: JobSpec | None,
    now: datetime,
    *,
    is_timing_changed: bool,
) -> ScheduleChange:
    old = None if row is None else row.spec
    runs_so_far = 0 if row is None else row.total_run_count
    is_used_up = new is not None and new.max_runs is not None and runs_so_far >= new.max_runs
    is_on = job is not None and job.enabled and not is_used_up
    return ScheduleChange(
        name=name,
        kind="create" if row is None else "delete" if new is None else "update",
        schedule_id=None if row is None else row.id,
        before=old,
        after=new,
        is_timing_changed=is_timing_changed,
        forecast=forecast_edit(
            old,
            new if is_on else None,
            next_before=None if row is None else row.next_scheduled_for,
            now=now,
            address="" if job is None else job.address,
        ),
    )


def _is_timing_changed(old: ScheduleSpec | None, new: ScheduleSpec) -> bool:
    return old is None or any(getattr(old, name) != getattr(new, name) for name in TIMING_FIELDS)


def _relocated(
    in_force: Mapping[str, CurrentJob], wanted: Mapping[str, DefinedJob]
) -> Iterator[Relocated]:
    for address, job in sorted(wanted.items()):
        before = in_force.get(address)
        if before is None:
            continue
        old, new = before.location, job.location
        if (old.file, old.line) != (new.file, new.line):
            yield Relocated(before.id, address, old, new)


def _covering(pauses: Sequence[Pause], spec: JobSpec) -> tuple[Pause, ...]:
    return tuple(p for p in pauses if p.covers(spec.address, queues=spec.queues, tags=spec.tags))


def _digest_parts(change: Change) -> tuple[str, str, str, str]:
    match change:
        case Create():
            return ("create", change.address, "", spec_digest(change.job.spec))
        case Update():
            return ("update", change.address, _old_digest(change), spec_digest(change.job.spec))
        case Delete():
            return ("delete", change.address, _old_digest(change), "")


def _old_digest(change: Update | Delete) -> str:
    return "" if change.before is None else spec_digest(change.before)


def _known_specs(jobs: Sequence[CurrentJob]) -> list[JobSpec]:
    return [job.in_force for job in jobs if job.in_force is not None]


def _in_file_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(
        sorted(diagnostics, key=lambda d: (d.location.file, d.location.line, d.location.column))
    )
