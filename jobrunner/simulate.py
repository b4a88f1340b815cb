"""A day of the whole configuration, played through: what starts when, what meets what, what it takes.

Without I/O. How long a run takes is given; where it is not known, only the starts are told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import islice

from jobrunner.schedule import Timing, run_at, times_between
from jobrunner.spec.models import JobSpec, ScheduleSpec

HOURS = 24
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_LONGEST_JITTER_LOOKED_BACK = timedelta(hours=6)
FULL_HISTORY = 20
"""With fewer runs the slow ones may not have been seen."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the succeeded runs of a job took."""

    p50: timedelta
    p95: timedelta
    runs: int

    @property
    def is_scarce(self) -> bool:
        """So few that the slow ones may not have been seen."""
        return self.runs < FULL_HISTORY


@dataclass(frozen=True, slots=True)
class Overlaps:
    """What becomes of a job's starts while an earlier run is not over."""

    skipped: int
    waited: int
    """They start later than they are due."""
    replaced: int
    """Runs that are cancelled by the next one."""

    @property
    def number(self) -> int:
        """All of them."""
        return self.skipped + self.waited + self.replaced


@dataclass(frozen=True, slots=True)
class JobDay:
    """One job's day."""

    address: str
    overlap: str
    starts: int
    durations: Durations | None
    """None: it has no succeeded run, or no database was asked."""
    usual: Overlaps | None
    """With runs that take as long as the median."""
    slow: Overlaps | None
    """With runs that take as long as the 95th percentile."""


@dataclass(frozen=True, slots=True)
class QueueDay:
    """One queue's day."""

    name: str
    starts_by_hour: tuple[int, ...]
    """24 of them."""
    slots: int | None
    """How many runs are under way at once at most, each as slow as its 95th percentile; None where no
    duration is known."""
    unknown: int
    """Jobs of the queue whose durations are not known: they take no slot here."""

    @property
    def starts(self) -> int:
        """Of the whole day."""
        return sum(self.starts_by_hour)


@dataclass(frozen=True, slots=True)
class Day:
    """A simulated day."""

    starts_at: datetime
    queues: tuple[QueueDay, ...]
    """By number of starts, the busiest first."""
    jobs: tuple[JobDay, ...]
    """Those that start at all, by number of starts, the busiest first."""
    idle_jobs: int
    """Enabled ones that do not start on this day."""
    busiest_minute_at: datetime | None
    """The first of those with the most starts; None: nothing starts."""
    busiest_minute_starts: int

    @property
    def starts(self) -> int:
        """Of all queues."""
        return sum(queue.starts for queue in self.queues)


def simulate_day(
    jobs: Iterable[JobSpec], *, starts_at: datetime, durations: Mapping[str, Durations]
) -> Day:
    """Play the 24 hours from an aware instant on; `durations` by address."""
    hours: dict[str, list[int]] = {}
    minutes: Counter[int] = Counter()
    under_way: dict[str, list[tuple[datetime, int]]] = {}
    unknown: Counter[str] = Counter()
    days: list[JobDay] = []
    idle = 0
    for job in (one for one in jobs if one.enabled):
        starts = list(_starts(job, starts_at))
        idle += not starts
        if not starts:
            continue
        for at, queue in starts:
            hours.setdefault(queue, [0] * HOURS)[(at - starts_at) // _HOUR] += 1
            minutes[(at - starts_at) // _MINUTE] += 1
        known = durations.get(job.address)
        if known is None:
            unknown.update({queue for _, queue in starts})
        else:
            for queue, changes in _slot_changes(job, starts, known.p95).items():
                under_way.setdefault(queue, []).extend(changes)
        days.append(_job_day(job, starts, known))
    busiest = min(minutes, key=lambda minute: (-minutes[minute], minute), default=None)
    queues = [
        _queue_day(name, row, under_way.get(name), unknown[name]) for name, row in hours.items()
    ]
    return Day(
        starts_at=starts_at,
        queues=tuple(sorted(queues, key=lambda queue: (-queue.starts, queue.name))),
        jobs=tuple(sorted(days, key=lambda day: (-day.starts, day.address))),
        idle_jobs=idle,
        busiest_minute_at=None if busiest is None else starts_at + busiest * _MINUTE,
        busiest_minute_starts=0 if busiest is None else minutes[busiest],
    )


def _starts(job: JobSpec, starts_at: datetime) -> Iterable[tuple[datetime, str]]:
    """(when, on which queue), in order; with jitter."""
    return merge(
        *(_starts_of(job, schedule, starts_at) for schedule in job.schedules if schedule.enabled)
    )


def _starts_of(
    job: JobSpec, schedule: ScheduleSpec, starts_at: datetime
) -> Iterable[tuple[datetime, str]]:
    timing = schedule.timing(job.address)
    queue = schedule.queue or job.queue
    key = f"{job.address}#{schedule.name}"
    # What is due before midnight may start after it.
    earlier = min(timing.jitter, _LONGEST_JITTER_LOOKED_BACK)
    found = times_between(timing, starts_at - earlier, starts_at + _DAY)
    # How many of its runs are left only the database knows; more than all of them no day has.
    for due in islice(found, schedule.max_runs):
        at = _delayed(timing, key, due)
        if starts_at <= at < starts_at + _DAY:
            yield at, queue


def _delayed(timing: Timing, key: str, due: datetime) -> datetime:
    return run_at(timing, key, due) if timing.jitter else due


def _job_day(
    job: JobSpec, starts: Sequence[tuple[datetime, str]], known: Durations | None
) -> JobDay:
    return JobDay(
        address=job.address,
        overlap=job.overlap,
        starts=len(starts),
        durations=known,
        usual=None if known is None else _play(job, starts, known.p50)[1],
        slow=None if known is None else _play(job, starts, known.p95)[1],
    )


def _slot_changes(
    job: JobSpec, starts: Sequence[tuple[datetime, str]], takes: timedelta
) -> dict[str, list[tuple[datetime, int]]]:
    """(when, one more or one less) of the runs under way, by queue."""
    changes: dict[str, list[tuple[datetime, int]]] = {}
    for queue, begin, end in _play(job, starts, takes)[0]:
        changes.setdefault(queue, []).extend(((begin, 1), (end, -1)))
    return changes


def _play(
    job: JobSpec, starts: Sequence[tuple[datetime, str]], takes: timedelta
) -> tuple[list[tuple[str, datetime, datetime]], Overlaps]:
    """The runs as (queue, begin, end), and what the job's policies did to them."""
    limit = job.max_concurrency or len(starts)
    alone = 1 if job.overlap != "allow" else limit
    places = min(alone, limit)
    runs: list[tuple[str, datetime, datetime]] = []
    ends: list[datetime] = []
    skipped = waited = replaced = 0
    for at, queue in starts:
        while ends and ends[0] <= at:
            heappop(ends)
        begin = at
        if len(ends) >= places:
            is_one_waiting = ends[0] - takes > at
            if job.overlap == "skip" or (job.overlap == "queue" and is_one_waiting):
                skipped += 1
                continue
            if job.overlap == "replace":
                replaced += 1
                last_queue, last_begin, _ = runs.pop()
                runs.append((last_queue, last_begin, at))
                ends.clear()
            else:
                waited += 1
                begin = heappop(ends)
        heappush(ends, begin + takes)
        runs.append((queue, begin, begin + takes))
    return runs, Overlaps(skipped, waited, replaced)


def _queue_day(
    name: str, hours: Sequence[int], changes: list[tuple[datetime, int]] | None, unknown: int
) -> QueueDay:
    return QueueDay(name, tuple(hours), None if changes is None else _peak(changes), unknown)


def _peak(changes: list[tuple[datetime, int]]) -> int:
    """At one instant ends come before beginnings."""
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most
