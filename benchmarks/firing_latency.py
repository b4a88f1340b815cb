"""From the due time to the message in the broker, of schedules that are due all the time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure, percentile
from benchmarks.load import Timed
from benchmarks.schedulers import Jobrunner, Scheduler, one_each
from benchmarks.watched import Watched, watched

SCHEDULES = 200
SECONDS = 30.0
_BARS = {"spread": (3.0, 40.0), "aligned": (15.0, 40.0)}
"""p50 and p99 in milliseconds."""


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """200 schedules of 1 to 5 s, their phases spread over the seconds, and all aligned."""
    for phases, (p50, p99) in _BARS.items():
        for given in one_each(schedulers):
            is_ours = given.name == JOBRUNNER
            # Nobody takes the runs, so the one before is never over.
            scheduler = Jobrunner(overlap="allow") if is_ours else given
            late = _measure_one(bench, scheduler, is_spread=phases == "spread")
            what = f"{SCHEDULES} schedules of 1-5 s, {phases}"
            bars = (p50, p99, 0.0) if is_ours else (None, None, None)
            name, note = given.name, f"{len(late.by_plan):,} messages"
            yield Figure(
                f"{what}: delay p50", percentile(late.by_plan, 50), "ms", name, bars[0], note=note
            )
            yield Figure(f"{what}: delay p99", percentile(late.by_plan, 99), "ms", name, bars[1])
            yield Figure(f"{what}: earliest", min(late.by_plan), "ms", name, at_least=bars[2])
            since_last = percentile(late.since_last, 50)
            yield Figure(
                f"{what}: more than its interval after the last one, p50", since_last, "ms", name
            )


@dataclass(frozen=True)
class _Late:
    """In milliseconds, for each message but the first of a schedule, which may wake a sleeper."""

    by_plan: list[float]
    """Than the time that its first due time and its interval make."""
    since_last: list[float]
    """Than its interval after the message before."""


def _measure_one(bench: Bench, scheduler: Scheduler, *, is_spread: bool) -> _Late:
    def timed(begins_at: float) -> tuple[Timed, ...]:
        return tuple(
            Timed(
                every_seconds=float(1 + number % 5),
                first_due_at=begins_at
                + (number * 37 % SCHEDULES / SCHEDULES if is_spread else 0.0),
            )
            for number in range(SCHEDULES)
        )

    with watched(bench, scheduler, resting=0, timed=timed) as ready:
        seconds = SECONDS / (3 if bench.is_quick else 1)
        time.sleep(ready.begins_at + seconds - time.time())
        ready.onlooker.stop()
        return _late(scheduler, ready, timed(ready.begins_at))


def _late(scheduler: Scheduler, ready: Watched, timed: Sequence[Timed]) -> _Late:
    arrivals = list(ready.onlooker.arrivals())
    came: dict[int, list[float]] = {number: [] for number in range(len(timed))}
    for number, arrival in zip(scheduler.numbers_of(ready.place, arrivals), arrivals, strict=True):
        came[number].append(arrival.at)
    late = _Late([], [])
    for number, times in came.items():
        first, every = timed[number].first_due_at, timed[number].every_seconds
        for count, (earlier, at) in enumerate(pairwise(times), start=1):
            late.by_plan.append(1000 * (at - first - count * every))
            late.since_last.append(1000 * (at - earlier - every))
    return late
