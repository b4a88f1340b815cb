"""What an edit of a job does to its schedules, one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from jobrunner.plan.alike import are_schedules_alike
from jobrunner.plan.changes import ScheduleChange
from jobrunner.plan.current import CurrentJob, CurrentSchedule
from jobrunner.plan.forecast import forecast_edit, timing_in_force
from jobrunner.plan.run_counts import runs_so_far
from jobrunner.spec.models import RULES, JobSpec, ScheduleSpec

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


def schedule_changes(
    before: CurrentJob | None,
    after: JobSpec | None,
    now: datetime,
    ended_runs: Mapping[str, Mapping[str, int]],
) -> Iterator[ScheduleChange]:
    """By name. A job whose definition cannot be read may have schedules that can be."""
    stored = {} if before is None else {row.name: row for row in before.schedules}
    wanted = {} if after is None else {spec.name: spec for spec in after.schedules}
    spec_before = None if before is None else before.in_force
    is_switched = (
        spec_before is not None and after is not None and spec_before.enabled != after.enabled
    )
    for name in sorted({*stored, *wanted}):
        row, new = stored.get(name), wanted.get(name)
        edit = _Edit(name, row, new, before, after, ended_runs)
        if row is None or new is None:
            yield edit.change(now, is_timing_changed=True)
        elif is_switched or edit.is_readdressed or not are_schedules_alike(row.spec, new):
            moved = is_switched or edit.is_readdressed or _is_timing_changed(row.spec, new)
            yield edit.change(now, is_timing_changed=moved)


@dataclass(frozen=True, slots=True)
class _Edit:
    """One schedule and its job, before and after. None: it is not there."""

    name: str
    row: CurrentSchedule | None
    new: ScheduleSpec | None
    before: CurrentJob | None
    after: JobSpec | None
    ended_runs: Mapping[str, Mapping[str, int]]

    @property
    def is_readdressed(self) -> bool:
        """The job's address has changed, and `H` or the jitter is made from it."""
        if self.new is None or self.before is None or self.after is None:
            return False
        old_address, address = self.before.address, self.after.address
        return old_address != address and (
            bool(self.new.jitter)
            or timing_in_force(self.new, old_address) != timing_in_force(self.new, address)
        )

    def change(self, now: datetime, *, is_timing_changed: bool) -> ScheduleChange:
        row, never = self.row, self._never()
        forecast = forecast_edit(
            None if row is None else row.spec,
            None if never else self.new,
            next_before=None if row is None else row.next_scheduled_for,
            last_run=None if row is None else row.last_run_at,
            now=now,
            address="" if self.after is None else self.after.address,
            old_address="" if self.before is None else self.before.address,
        )
        if self.new is not None and not never and forecast.next_after is None:
            never = "no time is left"
        return ScheduleChange(
            name=self.name,
            kind="create" if row is None else "delete" if self.new is None else "update",
            schedule_id=None if row is None else row.id,
            before=None if row is None else row.spec,
            after=self.new,
            is_timing_changed=is_timing_changed,
            forecast=forecast,
            never=never,
            runs_left=self._runs_left(),
        )

    def _never(self) -> str:
        """What stands in the way of any run, apart from the times themselves."""
        if self.new is None or self.after is None:
            return ""
        if not self.after.enabled:
            return "the job is not enabled"
        if not self.new.enabled:
            return "the schedule is not enabled"
        if self._runs_left() == 0:
            return f"it has had {self._runs_so_far()} runs, and max_runs is {self.new.max_runs}"
        return ""

    def _runs_left(self) -> int | None:
        if self.new is None or self.new.max_runs is None:
            return None
        return max(0, self.new.max_runs - self._runs_so_far())

    def _runs_so_far(self) -> int:
        address = "" if self.after is None else self.after.address
        return runs_so_far(self.name, address, self.before, self.ended_runs)


def _is_timing_changed(old: ScheduleSpec | None, new: ScheduleSpec) -> bool:
    return old is None or any(getattr(old, name) != getattr(new, name) for name in TIMING_FIELDS)
