"""What an edit of a schedule does to its coming runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jobrunner.schedule import ScheduleError, Timing, next_time, previous_time
from jobrunner.spec.models import ScheduleSpec


class EditForecast(NamedTuple):
    """The coming runs of one schedule before and after an edit. Instants are UTC."""

    next_before: datetime | None
    """As stored; None where there was no schedule, or it was off or done."""
    next_after: datetime | None
    """None where there will be none, or it is off or has no time left."""
    skipped: tuple[datetime, ...] = ()
    """Old times that fall out, though the new rule has no run in their place."""
    doubled: tuple[datetime, ...] = ()
    """New times of a day, week, month or year that has had its run by the old rule."""

    @property
    def is_as_before(self) -> bool:
        """The edit does nothing to the next run."""
        return self.next_before == self.next_after and not (self.skipped or self.doubled)

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        return {
            "next_before": _isoformat(self.next_before),
            "next_after": _isoformat(self.next_after),
            "skipped": [_isoformat(instant) for instant in self.skipped],
            "doubled": [_isoformat(instant) for instant in self.doubled],
        }


def forecast_edit(
    before: ScheduleSpec | None,
    after: ScheduleSpec | None,
    *,
    next_before: datetime | None,
    last_run: datetime | None = None,
    now: datetime,
    address: str = "",
    old_address: str = "",
) -> EditForecast:
    """What happens when `before` gives way to `after` now. None is a schedule that is not there.

    `next_before` and `last_run` are nominal times of the database, `address` is the job's, and
    `old_address` where it has had another until now. A time that is due already is run by the apply
    under the old rule, so it is neither skipped nor doubled.
    """
    old = timing_in_force(before, old_address or address)
    new = timing_in_force(after, address)
    if old is None or next_before is None:
        return EditForecast(next_before, None if new is None else next_time(new, now))
    if new is None:
        return EditForecast(next_before, None)
    if new == old:
        return EditForecast(next_before, next_before)
    old_last = previous_time(old, now)
    edit = _Edit(
        old_last=old_last,
        has_run=_has_run(old_last, last_run, next_before),
        old_next=next_time(old, now),
        new_last=previous_time(new, now),
        new_next=next_time(new, now),
        zone=new.zone,
    )
    return EditForecast(next_before, edit.new_next, skipped=edit.skipped(), doubled=edit.doubled())


def _has_run(time: datetime | None, last_run: datetime | None, next_before: datetime) -> bool:
    """The schedule may be younger than the time, which it then never owed, or have passed it over."""
    if time is None:
        return False
    return next_before <= time or (last_run is not None and last_run >= time)


@dataclass(frozen=True, slots=True)
class _Edit:
    """The times around the moment of an edit: the last and the next of the old and the new rule."""

    old_last: datetime | None
    has_run: bool
    """There was a run for `old_last`, or the apply makes it."""
    old_next: datetime | None
    new_last: datetime | None
    new_next: datetime | None
    zone: ZoneInfo

    def skipped(self) -> tuple[datetime, ...]:
        """The old rule's next run, when the new rule's run of that period is over already."""
        period = self._period(self.old_next)
        was_due = period == self._period(self.new_last)
        has_another = period in {self._period(self.old_last), self._period(self.new_next)}
        if self.old_next is None or period is None or not was_due or has_another:
            return ()
        return (self.old_next,)

    def doubled(self) -> tuple[datetime, ...]:
        """The new rule's next run, when its period has had the old rule's run."""
        period = self._period(self.new_next)
        has_had_it = self.has_run and period == self._period(self.old_last)
        has_several = period in {self._period(self.old_next), self._period(self.new_last)}
        if self.new_next is None or period is None or not has_had_it or has_several:
            return ()
        return (self.new_next,)

    def _period(self, instant: datetime | None) -> tuple[int, ...] | None:
        """The day, week, month or year around an instant, whichever holds about one run.

        None for rules that run more often: from each ten minutes to each quarter of an hour is a
        change of rhythm, and no run is skipped or doubled.
        """
        interval = self._interval()
        if instant is None or interval is None or interval < timedelta(hours=22):
            return None
        local = instant.astimezone(self.zone)
        if interval < timedelta(days=6):
            return (local.toordinal(),)
        if interval < timedelta(days=27):
            return local.isocalendar()[:2]
        return (local.year, local.month) if interval < timedelta(days=364) else (local.year,)

    def _interval(self) -> timedelta | None:
        """The shorter of the two rules' distances around now; None when neither repeats."""
        pairs = ((self.old_last, self.old_next), (self.new_last, self.new_next))
        gaps = [later - earlier for earlier, later in pairs if earlier and later]
        return min(gaps, default=None)


def timing_in_force(spec: ScheduleSpec | None, address: str) -> Timing | None:
    """None for what is not there or off, and for a rule that cannot be computed."""
    if spec is None or not spec.enabled:
        return None
    try:
        return spec.timing(address)
    except ScheduleError:
        return None


def _isoformat(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
