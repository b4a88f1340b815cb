"""What a scheduler costs while nothing is due: statements, and time of the CPU."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench, Place, Process
from benchmarks.figures import JOBRUNNER, Figure
from benchmarks.schedulers import Scheduler, running, with_sizes

SECONDS = 60.0
_READY_SECONDS = 60.0
_OTHER_SECONDS = 5.0


@dataclass(frozen=True)
class _Idle:
    schedules: int
    name: str
    place: Place
    process: Process


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """All at the same time: those who do nothing do not disturb each other."""
    seconds = SECONDS / (3 if bench.is_quick else 1)
    with ExitStack() as opened, bench.logged_statements() as log:
        idle = []
        for schedules, scheduler in with_sizes(bench, schedulers, peers_up_to=10_000):
            place = opened.enter_context(scheduler.open(bench, schedules))
            process = opened.enter_context(running(scheduler, place))[0]
            process.wait_until_settled(time.monotonic() + _READY_SECONDS)
            idle.append(_Idle(schedules, scheduler.name, place, process))
        time.sleep(_OTHER_SECONDS)
        before = log.count()
        cpu_seconds = [each.process.cpu_seconds() for each in idle]
        time.sleep(seconds)
        cpu_seconds = [
            each.process.cpu_seconds() - earlier
            for each, earlier in zip(idle, cpu_seconds, strict=True)
        ]
        statements = log.count() - before
    for each, used in zip(idle, cpu_seconds, strict=True):
        is_ours = each.name == JOBRUNNER
        what = f"idle with {each.schedules:,} schedules"
        rate = statements[each.place.database] / seconds
        yield Figure(f"{what}: statements", rate, "a second", each.name, 4.0 if is_ours else None)
        share = 100 * used / seconds
        yield Figure(f"{what}: CPU of the beat", share, "%", each.name, 0.5 if is_ours else None)
