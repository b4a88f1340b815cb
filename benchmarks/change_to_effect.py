"""From the commit of a changed schedule, which makes it due, to its message."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure, percentile
from benchmarks.load import Timed
from benchmarks.schedulers import Changeable, Jobrunner, Scheduler, with_sizes
from benchmarks.watched import watched

CHANGES = 100
STOP_AFTER_SECONDS = 60.0
_FAR_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True)
class _Way:
    """How often, and what is to hold."""

    name: str
    scheduler: Changeable
    changes: int
    mean_gap_seconds: float
    p99_at_most_ms: float | None


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """At each number of schedules; who reads changes only at its start is left out."""
    for schedules, scheduler in with_sizes(bench, schedulers, peers_up_to=100_000):
        for way in _ways(bench, scheduler):
            seconds = _seconds(bench, way, schedules)
            what = f"change to effect, {schedules:,} schedules"
            note = f"{len(seconds)} of {way.changes} came" if len(seconds) < way.changes else ""
            # Whose messages did not come at all is shown with the time that was given to them.
            milliseconds = [1000 * each for each in seconds or [STOP_AFTER_SECONDS]]
            p50, p99 = percentile(milliseconds, 50), percentile(milliseconds, 99)
            yield Figure(f"{what}, p50", p50, "ms", way.name, note=note)
            yield Figure(f"{what}, p99", p99, "ms", way.name, way.p99_at_most_ms, note=note)


def _ways(bench: Bench, scheduler: Scheduler) -> Iterator[_Way]:
    changes = CHANGES // (5 if bench.is_quick else 1)
    if scheduler.name == JOBRUNNER:
        yield _Way(f"{JOBRUNNER}, NOTIFY", Jobrunner(), changes, 0.1, 50.0)
        yield _Way(f"{JOBRUNNER}, no NOTIFY", Jobrunner(notifies=False), changes, 0.25, 1200.0)
    elif hasattr(scheduler, "open_change"):
        changeable: Changeable = scheduler  # type: ignore[assignment]  # the line above has looked
        yield _Way(scheduler.name, changeable, changes // 5, 1.0, None)


def _seconds(bench: Bench, way: _Way, schedules: int) -> list[float]:
    """Each change is of another schedule, at a random moment."""
    in_a_month = time.time() + _FAR_SECONDS
    timed = (Timed(_FAR_SECONDS, in_a_month),) * way.changes
    with watched(bench, way.scheduler, resting=schedules, timed=lambda _: timed) as ready:
        committed_at: dict[int, float] = {}
        with way.scheduler.open_change(ready.place) as change:
            for number in range(way.changes):
                time.sleep(random.uniform(0, 2 * way.mean_gap_seconds))  # noqa: S311  no secret
                committed_at[number] = change(number)
        ready.onlooker.wait_for(way.changes, until=time.time() + STOP_AFTER_SECONDS)
        ready.onlooker.stop()
        arrivals = list(ready.onlooker.arrivals())
        numbers = list(way.scheduler.numbers_of(ready.place, arrivals))
    # A message may be seen before the commit has been heard of: that is no time at all.
    return [
        max(arrival.at - committed_at[number], 0.0)
        for number, arrival in zip(numbers, arrivals, strict=True)
    ]
