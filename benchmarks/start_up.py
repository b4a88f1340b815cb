"""From the start of the process to its first message, with one schedule that is due already."""

import time
from collections.abc import Iterator, Sequence

from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure, median_of
from benchmarks.load import Timed
from benchmarks.onlooker import open_onlooker
from benchmarks.schedulers import SIZES, Scheduler, running, with_sizes

ROUNDS = 3
STOP_AFTER_SECONDS = 60.0
_LONG_SECONDS = 10.0
"""Once is enough for whoever needs so long; a hiccup is shorter."""


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """At each number of schedules that rest, and the one."""
    for schedules, scheduler in with_sizes(bench, schedulers, peers_up_to=100_000):
        seconds = _median_seconds(bench, scheduler, schedules)
        yield Figure(
            f"start to first message, {schedules:,} schedules",
            seconds,
            "s",
            scheduler.name,
            at_most=1.0 if scheduler.name == JOBRUNNER and schedules == SIZES[-1] else None,
            note="stopped, none had come" if seconds >= STOP_AFTER_SECONDS else "",
        )


def _median_seconds(bench: Bench, scheduler: Scheduler, schedules: int) -> float:
    taken: list[float] = []
    while len(taken) < (1 if bench.is_quick else ROUNDS):
        taken.append(_seconds(bench, scheduler, schedules))
        if taken[-1] > _LONG_SECONDS:
            return taken[-1]
    return median_of(taken)


def _seconds(bench: Bench, scheduler: Scheduler, schedules: int) -> float:
    with scheduler.open(bench, schedules) as place:
        scheduler.add(place, (Timed(every_seconds=3600.0, first_due_at=int(time.time())),))
        with open_onlooker(place.broker_url, scheduler.queue_key) as onlooker:
            started = time.time()
            with running(scheduler, place):
                if not onlooker.wait_for(1, until=started + STOP_AFTER_SECONDS):
                    return STOP_AFTER_SECONDS
            return onlooker.stop()[0][0] - started
