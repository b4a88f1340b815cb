"""Carries out a plan: settles what the old definitions owe, writes the new ones and their times."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection

from jobrunner.beside import worked_out_beside
from jobrunner.db import definitions, intervals, notifiers, pauses, projects, revisions, schedules
from jobrunner.db.definitions import LockedSchedule
from jobrunner.db.engine import database_now
from jobrunner.db.projects import Project
from jobrunner.db.schedules import StartedSchedule
from jobrunner.plan.changes import Create, Delete, Plan, ScheduleChange
from jobrunner.reconcile.guarding import commit_to_keep
from jobrunner.reconcile.options import ApplyOptions
from jobrunner.reconcile.wanted import Wanted, rolled_back_to
from jobrunner.schedule import next_time, run_at
from jobrunner.spec.models import JobSpec, ScheduleSpec
from jobrunner.zone_data import zone_data_version

_DUE_BATCH = 1_000


class Recorded(Protocol):
    """What a dispatch has written: `recording.Recorded`."""

    @property
    def due(self) -> int: ...
    @property
    def bad(self) -> int: ...


class RecordDue(Protocol):
    """`recording.record_due`: the ordinary dispatch of these schedules, in the caller's transaction."""

    def __call__(
        self, connection: Connection, *, schedule_ids: Sequence[UUID], now: datetime
    ) -> Recorded: ...


def settle_due(
    connection: Connection, plan: Plan, record_due: RecordDue, now: datetime | None
) -> datetime:
    """Lock what changes, or stands elsewhere now, and dispatch what it owes; the moment from which the new
    times count.

    The clock is read after the locks are held and is the same for both sides, so a time is owed by
    the old definition or by the new one and never by both or none.
    """
    job_ids = [c.job_id for c in plan.changes if not isinstance(c, Create)]
    relocated = [move.job_id for move in plan.relocated]
    locked = definitions.lock_jobs(connection, job_ids, relocated)
    at = now or database_now(connection)
    due = [s.id for s in locked.values() if s.next_run_at is not None and s.next_run_at <= at]
    for start in range(0, len(due), _DUE_BATCH):
        _record(connection, record_due, due[start : start + _DUE_BATCH], at)
    if due:  # the next of theirs may be owed by now and wait for its jitter
        locked = definitions.lock_jobs(connection, job_ids)
    for schedule in _waiting_for_jitter(plan, locked, at):
        assert schedule.next_run_at is not None  # noqa: S101  that is what waits
        _record(connection, record_due, [schedule.id], schedule.next_run_at)
    return at


def write(
    connection: Connection, plan: Plan, wanted: Wanted, options: ApplyOptions, at: datetime
) -> Project:
    """The jobs, their schedules, the notifiers and the revision; times count from `at`."""
    commit = commit_to_keep(connection, plan, wanted, options)
    kept = partial(revisions.kept_changes, plan.changes, plan.notifiers)
    with worked_out_beside(kept, items=len(plan.changes)) as changes:
        project = projects.start_revision(connection, plan.project, environment=plan.environment)
        _write_jobs(connection, plan, project, options, at)
        notifiers.write_notifiers(connection, project.id, plan.notifiers)
        revisions.insert_revision(
            connection,
            project,
            author=options.author,
            git_commit=options.git_commit,
            git_dirty=options.git_dirty,
            git_committed_at=None if commit is None else commit.committed_at,
            rolled_back_to=rolled_back_to(wanted),
            digest=plan.digest,
            changes=changes.value(),
        )
    return project


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


def _write_jobs(
    connection: Connection, plan: Plan, project: Project, options: ApplyOptions, at: datetime
) -> None:
    definitions.rename_jobs(connection, {move.job_id: move.address for move in plan.moves})
    pauses.rename_targets(connection, {move.moved_from: move.address for move in plan.moves})
    ids = definitions.write_jobs(
        connection,
        project.id,
        [change for change in plan.changes if not isinstance(change, Delete)],
        revision=project.revision,
        git_commit=options.git_commit,
    )
    definitions.delete_jobs(connection, [change.job_id for change in plan.deletes])
    _write_schedules(connection, plan, ids, at)


def _write_schedules(
    connection: Connection, plan: Plan, ids: Mapping[str, UUID], at: datetime
) -> None:
    wanted = [
        (change.job.spec, schedule, schedule.after)
        for change in plan.changes
        if not isinstance(change, Delete)
        for schedule in change.schedules
        if schedule.after is not None
    ]
    begun = [(job, edit, spec) for job, edit, spec in wanted if edit.is_timing_changed]
    started = schedules.start_schedules(
        connection,
        [
            StartedSchedule(ids[job.address], spec, *_next_times(job, spec, edit, plan.now, at))
            for job, edit, spec in begun
        ],
    )
    schedules.write_specs(
        connection,
        {
            edit.schedule_id: spec
            for _, edit, spec in wanted
            if edit.schedule_id is not None and not edit.is_timing_changed
        },
    )
    gone = [
        edit.schedule_id
        for edit in _schedule_changes(plan)
        if edit.after is None and edit.schedule_id is not None
    ]
    schedules.end_schedules(connection, gone)
    # What `fsck` computes the due times from, before and after.
    intervals.end_intervals(connection, [*started.values(), *gone], at=at)
    on = [started[ids[job.address], spec.name] for job, _, spec in begun if _is_on(job, spec)]
    intervals.start_intervals(connection, on, at=at, zone_data=zone_data_version())


def _is_on(job: JobSpec, spec: ScheduleSpec) -> bool:
    return job.enabled and spec.enabled


def _next_times(
    job: JobSpec, spec: ScheduleSpec, edit: ScheduleChange, planned_at: datetime, at: datetime
) -> tuple[datetime, datetime] | tuple[None, None]:
    if not _is_on(job, spec):
        return None, None
    planned = edit.forecast.next_after
    if edit.kind == "create" and planned is not None and planned_at <= at < planned:
        scheduled_for: datetime | None = planned  # no other time lies in between
    else:
        scheduled_for = next_time(spec.timing(job.address), at)
    if scheduled_for is None:
        return None, None
    if not spec.jitter:
        return scheduled_for, scheduled_for
    return scheduled_for, run_at(
        spec.timing(job.address), f"{job.address}#{spec.name}", scheduled_for
    )
