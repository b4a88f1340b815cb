"""What a tick and a beat cost at a thousand schedules and at a million: the same, it is to be hoped."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure, median_of
from benchmarks.load import Timed
from benchmarks.schedulers import SIZES, Jobrunner, Scheduler
from benchmarks.watched import Watched, watched

DUE = 1_000
BURSTS = 5
STOP_AFTER_SECONDS = 60.0
_BETWEEN_SECONDS = 2.0
_TOLERATED = 1.1


@dataclass(frozen=True)
class _Cost:
    burst_milliseconds: float
    cpu_milliseconds: float
    """Of the beat, for one burst."""
    memory_mebibytes: float


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """The product alone: several bursts of 1,000 at each size, and the most against the fewest."""
    if JOBRUNNER not in {scheduler.name for scheduler in schedulers}:
        return
    sizes = SIZES[: 2 if bench.is_quick else None]
    costs = {schedules: _cost(bench, schedules) for schedules in sizes}
    for schedules, cost in costs.items():
        what = f"{schedules:,} schedules, {DUE:,} due at once"
        yield Figure(f"{what}: until all are in Redis", cost.burst_milliseconds, "ms")
        yield Figure(f"{what}: CPU time of the beat", cost.cpu_milliseconds, "ms")
        yield Figure(f"{what}: memory of the beat", cost.memory_mebibytes, "MiB")
    few, many = costs[sizes[0]], costs[sizes[-1]]
    what = f"{sizes[-1]:,} schedules against {sizes[0]:,}"
    times = many.burst_milliseconds / few.burst_milliseconds
    memory = many.memory_mebibytes / few.memory_mebibytes
    yield Figure(f"{what}: time of a burst", times, "times", at_most=_TOLERATED)
    yield Figure(f"{what}: memory of the beat", memory, "times", at_most=_TOLERATED)


def _cost(bench: Bench, schedules: int) -> _Cost:
    # Nobody takes the runs, so the one before is never over.
    scheduler = Jobrunner(overlap="allow")
    with watched(bench, scheduler, resting=schedules - DUE, timed=_bursts) as ready:
        beat = ready.processes[0]
        cpu_seconds = beat.cpu_seconds()
        until = ready.begins_at + STOP_AFTER_SECONDS
        if not ready.onlooker.wait_for(BURSTS * DUE, until=until):
            raise SystemExit(f"The bursts of {schedules:,} schedules did not end in time.")
        time.sleep(1.0)  # what follows a burst is a part of its cost
        cpu_seconds = beat.cpu_seconds() - cpu_seconds
        memory_mebibytes = beat.memory_mebibytes()
        ready.onlooker.stop()
        times_of = Counter(scheduler.numbers_of(ready.place, ready.onlooker.arrivals()))
        if times_of != dict.fromkeys(range(DUE), BURSTS):
            raise SystemExit(
                f"Not each of {schedules:,} schedules that was due has sent one a burst."
            )
        return _Cost(
            1000 * median_of(_burst_seconds(ready)), 1000 * cpu_seconds / BURSTS, memory_mebibytes
        )


def _bursts(begins_at: float) -> tuple[Timed, ...]:
    """The same ones again and again: at the smallest size they are all there are."""
    return (Timed(_BETWEEN_SECONDS, first_due_at=begins_at),) * DUE


def _burst_seconds(ready: Watched) -> list[float]:
    lengths = ready.onlooker.stop()
    return [
        next(at for at, length in lengths if length >= (burst + 1) * DUE)
        - (ready.begins_at + burst * _BETWEEN_SECONDS)
        for burst in range(BURSTS)
    ]
