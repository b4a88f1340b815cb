"""A scheduler that is ready before its first schedule is due, with somebody who looks at its queue."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.bench import Bench, Place, Process
from benchmarks.load import Timed
from benchmarks.onlooker import Onlooker, open_onlooker
from benchmarks.schedulers import Scheduler, running

_LONGEST_START_SECONDS = 90.0


@dataclass(frozen=True)
class Watched:
    """All of it."""

    place: Place
    onlooker: Onlooker
    processes: Sequence[Process]
    begins_at: float
    """The whole second from which the timed schedules count, shortly to come; since 1970."""


@contextmanager
def watched(
    bench: Bench,
    scheduler: Scheduler,
    *,
    resting: int,
    timed: Callable[[float], Sequence[Timed]],
) -> Iterator[Watched]:
    """`timed` makes the schedules that become due, from the second at which they may.

    That second is put off until the scheduler has read its schedules and rests before it comes.
    """
    start_seconds = scheduler.start_seconds(resting)
    while start_seconds < _LONGEST_START_SECONDS:
        with ExitStack() as opened:
            place = opened.enter_context(scheduler.open(bench, resting))
            begins_at = math.ceil(time.time() + start_seconds)
            scheduler.add(place, timed(begins_at))
            onlooker = opened.enter_context(open_onlooker(place.broker_url, scheduler.queue_key))
            processes = opened.enter_context(running(scheduler, place))
            deadline = time.monotonic() + begins_at - time.time()
            if all(process.wait_until_settled(deadline) for process in processes):
                yield Watched(place, onlooker, processes, begins_at)
                for process in processes:
                    process.check()
                return
        start_seconds *= 2
    raise SystemExit(f"{scheduler.name} was not ready within {_LONGEST_START_SECONDS:g} s.")
