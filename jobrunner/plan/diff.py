"""The plan: what is in force compared with what the files say, model by model, never as text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from jobrunner.plan.alike import are_jobs_alike
from jobrunner.plan.changes import (
    Change,
    Create,
    Delete,
    FieldChange,
    Plan,
    Relocated,
    ScheduleChange,
    Update,
)
from jobrunner.plan.current import CurrentJob, CurrentProject
from jobrunner.plan.digest import Written, plan_digest, spec_digest, written
from jobrunner.plan.fields import Difference, differences, field_label, field_place, given_fields
from jobrunner.plan.lint import OnceAt, lint_jobs
from jobrunner.plan.load import HORIZON, Load, RunsSoFar, load_of, timings_of
from jobrunner.plan.moves import moved_jobs
from jobrunner.plan.pause import PauseInForce
from jobrunner.plan.paused import covering, pauses_of_update
from jobrunner.plan.renames import likely_renames
from jobrunner.plan.run_counts import runs_so_far
from jobrunner.plan.schedule_edits import schedule_changes
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, dump_job
from jobrunner.spec.project import Move
from jobrunner.spec.secrets import hidden

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Each(Protocol):
    """A function's values for many items, in their order."""

    def __call__(
        self, function: Callable[[_Item], _Value], items: Sequence[_Item], /
    ) -> Sequence[_Value]: ...


def _each_in_turn(
    function: Callable[[_Item], _Value], items: Sequence[_Item], /
) -> Sequence[_Value]:
    return [function(item) for item in items]


def make_plan(
    current: CurrentProject,
    desired: Sequence[DefinedJob],
    *,
    now: datetime,
    environment: str = "",
    moves: Sequence[Move] = (),
    targets: Targets = EVERY_JOB,
    horizon: timedelta = HORIZON,
    diagnostics: Sequence[Diagnostic] = (),
    each: Each = _each_in_turn,
) -> Plan:
    """What an apply of `desired` would change; empty when it has just been applied.

    `now` is the database's clock, aware and UTC; `diagnostics` are the warnings of the files, to
    which those of the lints are added. The order of either side does not matter. Jobs that are not
    among `targets` stay as they are. `each` may share the work with another process.
    """
    desired = sorted(desired, key=lambda job: (job.location.file, job.location.line, job.address))
    wanted = {job.address: job for job in desired}
    in_force = moved_jobs({job.address: job for job in current.jobs}, wanted, moves)
    meant, met = wanted, in_force
    if targets:
        meant = {name: job for name, job in wanted.items() if _is_meant(job, in_force, targets)}
        met = {name: job for name, job in in_force.items() if targets.cover(name, job.address)}
    changes = _hinted(sorted(_changes(current, met, meant, now, each), key=lambda c: c.address))
    had = _runs_so_far(in_force, changes, current.ended_runs)
    load_before, load_after = _loads(in_force, meant, changes, had, now=now, horizon=horizon)
    return Plan(
        project=current.name,
        environment=environment,
        applied_environment=current.environment,
        base_revision=current.revision,
        changes=changes,
        relocated=tuple(_relocated(met, meant)),
        unchanged=len(meant) - sum(not isinstance(change, Delete) for change in changes),
        jobs_before=len(in_force),
        jobs_after=len(in_force) + len(meant) - len(met),
        digest=plan_digest(current.name, environment, (_digest_parts(c) for c in changes)),
        load_before=load_before,
        load_after=load_after,
        diagnostics=_in_file_order([*diagnostics, *_lints(current, desired, now)]),
        now=now,
        horizon=horizon,
        targets=targets.texts,
        left_out=_count_left_out(in_force, wanted, targets),
    )


def _hinted(changes: Sequence[Change]) -> tuple[Change, ...]:
    renames = likely_renames(changes)
    return tuple(
        replace(change, looks_renamed_from=renames[change.address])
        if isinstance(change, Create) and change.address in renames
        else change
        for change in changes
    )


def _lints(
    current: CurrentProject, desired: Sequence[DefinedJob], now: datetime
) -> tuple[Diagnostic, ...]:
    return lint_jobs(
        desired,
        now=now,
        served_queues=current.served_queues,
        applied_once=_applied_once(current),
    )


def _applied_once(current: CurrentProject) -> frozenset[OnceAt]:
    return frozenset(
        (job.address, schedule.name, schedule.at)
        for job in current.jobs
        if job.applied is not None
        for schedule in job.applied.schedules
        if schedule.at
    )


def _is_meant(job: DefinedJob, in_force: Mapping[str, CurrentJob], targets: Targets) -> bool:
    before = in_force.get(job.address)
    return targets.cover(job.address, job.address if before is None else before.address)


def _loads(
    in_force: Mapping[str, CurrentJob],
    meant: Mapping[str, DefinedJob],
    changes: Sequence[Change],
    had: RunsSoFar,
    *,
    now: datetime,
    horizon: timedelta,
) -> tuple[Load, Load]:
    """Before and after. What stays is most of it, and is counted once."""
    touched = {change.address for change in changes}
    # As the files say it where they are compared: that is the same, and is asked for by the lints, too.
    unchanged = (
        meant[address].spec if address in meant else job.in_force
        for address, job in in_force.items()
        if address not in touched
    )
    staying = timings_of((spec for spec in unchanged if spec is not None), had)
    old = [c.before for c in changes if not isinstance(c, Create) and c.before is not None]
    new = [meant[c.address].spec for c in changes if not isinstance(c, Delete)]
    if not changes:
        as_ever = load_of(staying, now=now, horizon=horizon)
        return as_ever, as_ever
    before, after = (
        load_of(staying + timings_of(specs, had), now=now, horizon=horizon) for specs in (old, new)
    )
    return before, after


def _runs_so_far(
    in_force: Mapping[str, CurrentJob],
    changes: Sequence[Change],
    ended_runs: Mapping[str, Mapping[str, int]],
) -> RunsSoFar:
    """For the definitions of either side: a job that moves has an address on each."""
    moves = {c.moved_from: c.address for c in changes if isinstance(c, Update) and c.moved_from}

    def had(address: str, schedule: str) -> int:
        before = in_force.get(moves.get(address, address))
        return runs_so_far(schedule, address, before, ended_runs)

    return had


def _count_left_out(
    in_force: Mapping[str, CurrentJob], wanted: Mapping[str, DefinedJob], targets: Targets
) -> int:
    if not targets:
        return 0
    changed = [
        address
        for address, job in wanted.items()
        if not _is_meant(job, in_force, targets) and _differs(in_force.get(address), job)
    ]
    gone = [
        address
        for address, job in in_force.items()
        if address not in wanted and not targets.cover(address, job.address)
    ]
    return len(changed) + len(gone)


def _changes(
    current: CurrentProject,
    in_force: Mapping[str, CurrentJob],
    wanted: Mapping[str, DefinedJob],
    now: datetime,
    each: Each,
) -> Iterator[Change]:
    pairs = [(in_force.get(address), job) for address, job in wanted.items()]
    pairs = [pair for pair in pairs if _differs(*pair)]
    edits = each(partial(_edit, now=now, ended_runs=current.ended_runs), pairs)
    for (before, job), edit in zip(pairs, edits, strict=True):
        if before is None:
            yield _create(job, edit, current)
        else:
            yield _update(before, job, edit, current.pauses)
    for address, before in in_force.items():
        if address not in wanted:
            yield _delete(before, current.pauses, now)


class _Edit(NamedTuple):
    """What there is to say of a job that is new or differs: the dear part of a change."""

    definition: Written
    fields: tuple[FieldChange, ...]
    schedules: tuple[ScheduleChange, ...]


def _edit(
    pair: tuple[CurrentJob | None, DefinedJob],
    now: datetime,
    ended_runs: Mapping[str, Mapping[str, int]],
) -> _Edit:
    """From what is in force, if anything is."""
    before, job = pair
    told = dump_job(job.spec)
    definition = written(told)
    fields = (
        _given_fields(job, told)
        if before is None
        else _changed_fields(before, job, definition.digest)
    )
    schedules = tuple(schedule_changes(before, job.spec, now, ended_runs))
    return _Edit(definition, fields, schedules)


def _differs(before: CurrentJob | None, job: DefinedJob) -> bool:
    return (
        before is None or before.address != job.address or not _is_same(before.in_force, job.spec)
    )


def _is_same(before: JobSpec | None, after: JobSpec) -> bool:
    if are_jobs_alike(before, after):
        return True
    return before is not None and spec_digest(before) == spec_digest(after)


def _create(job: DefinedJob, edit: _Edit, current: CurrentProject) -> Create:
    return Create(
        job=job,
        definition=edit.definition.text,
        digest=edit.definition.digest,
        fields=edit.fields,
        schedules=edit.schedules,
        pauses=covering(current.pauses, job.spec),
        deleted_in=current.deleted.get(job.address),
    )


def _update(
    before: CurrentJob, job: DefinedJob, edit: _Edit, pauses: Sequence[PauseInForce]
) -> Update:
    held = pauses_of_update(pauses, before, job.spec)
    return Update(
        job=job,
        job_id=before.id,
        definition=edit.definition.text,
        digest=edit.definition.digest,
        moved_from="" if before.address == job.address else before.address,
        before=before.in_force,
        fields=edit.fields,
        schedules=edit.schedules,
        replaces=before.problem,
        pauses=held.after,
        new_pauses=held.new,
        pauses_left=held.left,
    )


def _delete(before: CurrentJob, pauses: Sequence[PauseInForce], now: datetime) -> Delete:
    in_force = before.in_force or before.applied
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
        schedules=tuple(schedule_changes(before, None, now, {})),
        pauses=() if before.in_force is None else covering(pauses, before.in_force),
        is_protected=in_force is not None and in_force.protect,
    )


def _given_fields(job: DefinedJob, told: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    sensitive = frozenset(job.spec.sensitive)
    return tuple(
        [_field(difference, job, sensitive) for difference in given_fields(job.spec, told)]
    )


def _changed_fields(before: CurrentJob, job: DefinedJob, digest: str) -> tuple[FieldChange, ...]:
    if before.in_force is None:
        return ()
    changed = differences(before.in_force, job.spec)
    by_the_files = changed
    if before.digest == digest:
        by_the_files = ()  # the files say what they said at the last apply
    elif before.applied != before.in_force:
        by_the_files = () if before.applied is None else differences(before.applied, job.spec)
    edited = {difference.path for difference in by_the_files}
    sensitive = frozenset({*job.spec.sensitive, *before.in_force.sensitive})
    return tuple(_field(d, job, sensitive, is_drift=d.path not in edited) for d in changed)


def _field(
    difference: Difference, job: DefinedJob, sensitive: frozenset[str], *, is_drift: bool = False
) -> FieldChange:
    path, kind, old, new = difference
    line, file = field_place(path, job)
    return FieldChange(
        field_label(path),
        kind,
        hidden(path, old, sensitive),
        hidden(path, new, sensitive),
        line,
        file,
        is_drift,
    )


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


def _digest_parts(change: Change) -> tuple[str, str, str, str]:
    match change:
        case Create():
            return ("create", change.address, "", change.digest)
        case Update():
            return ("update", change.address, _old_digest(change), change.digest)
        case Delete():
            return ("delete", change.address, _old_digest(change), "")


def _old_digest(change: Update | Delete) -> str:
    return "" if change.before is None else spec_digest(change.before)


def _in_file_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(
        sorted(diagnostics, key=lambda d: (d.location.file, d.location.line, d.location.column))
    )
