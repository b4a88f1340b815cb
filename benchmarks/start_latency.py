"""How long it takes from the call that asks for a run to the first line of its callable, at rest."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks.bench import Bench, Place
from benchmarks.figures import Figure
from benchmarks.schedulers import Scheduler
from benchmarks.workers import JobrunnerWorker, Worker, all_workers, starts

RUNS = 200
EVERY_SECONDS = 0.1
_READY_SECONDS = 30.0
_LATE_SECONDS = 10.0
_WARM_UP = 5
_WHAT = "from the call to the callable, at rest"
_IN_LEDGER = "from the begin of the caller's transaction to the claim, at rest"


def measure(bench: Bench, _: Sequence[Scheduler]) -> Iterator[Figure]:
    """Everybody in turn. The product's run goes through PostgreSQL and a beat."""
    for worker in all_workers():
        seconds, in_ledger = _starts(bench, worker)
        yield from _percentiles(_WHAT, seconds, worker.name)
        if in_ledger:
            yield from _percentiles(_IN_LEDGER, in_ledger, worker.name, at_most=10.0)


def _percentiles(
    what: str, seconds: list[float], who: str, at_most: float | None = None
) -> Iterator[Figure]:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    yield Figure(f"{what}, p50", p50 * 1_000, "ms", who, at_most=at_most)
    yield Figure(f"{what}, p99", p99 * 1_000, "ms", who)


def _starts(bench: Bench, worker: Worker) -> tuple[list[float], list[float]]:
    """Seconds from call to callable, and what PostgreSQL's clock says where it knows the runs."""
    runs = RUNS // 4 if bench.is_quick else RUNS
    with worker.open(bench) as place, ExitStack() as opened:
        process = opened.enter_context(worker.start(place))
        if isinstance(worker, JobrunnerWorker):
            opened.enter_context(place.start(sys.executable, "-m", "jobrunner", "beat"))
        process.wait_until_settled(time.monotonic() + _READY_SECONDS)
        worker.call(place, _WARM_UP + runs, every_seconds=EVERY_SECONDS)
        found = _wait_for(place, _WARM_UP + runs)[_WARM_UP:]
        return found, _in_ledger(place) if isinstance(worker, JobrunnerWorker) else []


def _in_ledger(place: Place) -> list[float]:
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM started_at - created_at) FROM jobrunner.runs"
            " WHERE started_at IS NOT NULL ORDER BY created_at"
        )
        return [float(seconds) for (seconds,) in cursor.fetchall()][_WARM_UP:]


def _wait_for(place: Place, runs: int) -> list[float]:
    give_up_at = time.monotonic() + _LATE_SECONDS
    while len(found := starts(place)) < runs:
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{len(found)} of {runs} runs have started.")
        time.sleep(EVERY_SECONDS)
    return found
