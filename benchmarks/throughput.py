"""How many runs that do nothing a worker with two children executes in a second."""

import time
from collections.abc import Iterator, Sequence

from benchmarks.bench import TIME_LIMIT_SECONDS, Bench, Place
from benchmarks.figures import JOBRUNNER, Figure
from benchmarks.schedulers import Scheduler
from benchmarks.workers import WITH_RESULTS, WITHOUT_RESULTS, Worker, all_workers, waiting

RUNS = 8_000
ROUNDS = 3
_WHAT = "runs that do nothing, prefork 2"
_COUNTED_FROM = 0.9
"""What share still waits when the clock starts: by then everything is warm."""
_COUNTED_TO = 0.1
_LOOK_SECONDS = 0.02
_SETTLE_SECONDS = 30.0


def measure(bench: Bench, _: Sequence[Scheduler]) -> Iterator[Figure]:
    """Everybody in turn, several times, and the ratios of the medians."""
    rounds = 1 if bench.is_quick else ROUNDS
    workers = all_workers()
    rates: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for worker in list(workers) * rounds:
        rates[worker.name].append(_rate(bench, worker))
    medians = {name: sorted(found)[len(found) // 2] for name, found in rates.items()}
    for name, rate in medians.items():
        yield Figure(_WHAT, rate, "a second", name)
    for name, bar in ((WITH_RESULTS, 1.3), (WITHOUT_RESULTS, 0.55)):
        if name in medians:
            ratio = medians[JOBRUNNER] / medians[name]
            yield Figure(f"{_WHAT}: jobrunner against {name}", ratio, "times", at_least=bar)


def _rate(bench: Bench, worker: Worker) -> float:
    runs = RUNS // 4 if bench.is_quick else RUNS
    with worker.open(bench) as place:
        worker.send(place, runs)
        with worker.start(place) as process:
            marks: list[tuple[float, int]] = []
            give_up_at = time.monotonic() + TIME_LIMIT_SECONDS
            while not marks or marks[-1][1] > 0:
                process.check()
                if time.monotonic() > give_up_at:
                    raise SystemExit(f"{worker.name} has left {marks[-1][1]:,} messages.")
                marks.append((time.monotonic(), waiting(place)))
                time.sleep(_LOOK_SECONDS)
            if worker.recorded(place):
                _wait_for_all(worker, place, runs)
    counted = [mark for mark in marks if _COUNTED_TO * runs <= mark[1] <= _COUNTED_FROM * runs]
    (first_at, first), (last_at, last) = counted[0], counted[-1]
    return (first - last) / (last_at - first_at)


def _wait_for_all(worker: Worker, place: Place, runs: int) -> None:
    give_up_at = time.monotonic() + _SETTLE_SECONDS
    while worker.recorded(place) != runs:
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{worker.name} has not recorded all of its {runs:,} runs.")
        time.sleep(_LOOK_SECONDS)
