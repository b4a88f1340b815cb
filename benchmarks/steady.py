"""Fifty runs a second for ten minutes: how late they start, and what the worker holds meanwhile."""

import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.bench import Bench, Place, Process
from benchmarks.figures import Figure
from benchmarks.schedulers import Scheduler
from benchmarks.workers import CONCURRENCY, JobrunnerWorker, children_of, resident_mebibytes

SECONDS = 600
A_SECOND = 50
_READY_SECONDS = 30.0
_LOOK_SECONDS = 5.0
_WHAT = f"{A_SECOND} runs a second"


def measure(bench: Bench, _: Sequence[Scheduler]) -> Iterator[Figure]:
    """One beat and one worker with two children; each schedule is due every second."""
    worker = JobrunnerWorker()
    seconds = SECONDS // 10 if bench.is_quick else SECONDS
    with (
        worker.open(bench) as place,
        worker.start(place) as process,
        place.start(sys.executable, "-m", "jobrunner", "beat"),
    ):
        process.wait_until_settled(time.monotonic() + _READY_SECONDS)
        _apply_load(place)
        looks = list(_look(place, process, seconds))
        delays = _delays(place)
    what = f"{_WHAT} for {seconds // 60 or 1} minutes"
    memory = [mebibytes for mebibytes, _ in looks]
    tenth = max(1, len(memory) // 10)
    yield Figure(f"{what}: runs that ended", float(len(delays)), "runs")
    yield Figure(f"{what}: start delay p50", delays[len(delays) // 2] * 1_000, "ms")
    yield Figure(
        f"{what}: start delay p99", delays[len(delays) * 99 // 100] * 1_000, "ms", at_most=1_000
    )
    yield Figure(f"{what}: memory of the worker at the end", memory[-1], "MiB")
    growth = sum(memory[-tenth:]) / sum(memory[tenth : 2 * tenth])
    yield Figure(f"{what}: memory, last tenth against the second", growth, "times", at_most=1.05)
    connections = max(number for _, number in looks)
    yield Figure(
        f"{what}: connections of the worker at most", float(connections), "connections",
        at_most=CONCURRENCY + 3,
    )  # fmt: skip


def _apply_load(place: Place) -> None:
    """Evenly spread over each second."""
    jobs = {
        f"steady-{number}": {
            "task": "bench_tasks.short",
            "overlap": "allow",
            "schedule": {
                "every": "1s",
                "anchor": f"2026-01-01T00:00:00.{number * 1_000 // A_SECOND:03}Z",
            },
        }
        for number in range(A_SECOND)
    }
    place.write_jobs("steady.yaml", jobs)
    place.jobrunner("apply", "--yes")


def _look(place: Place, process: Process, seconds: int) -> Iterator[tuple[float, int]]:
    """(memory in MiB, connections), every few seconds."""
    end_at = time.monotonic() + seconds
    with place.connection() as connection, connection.cursor() as cursor:
        while time.monotonic() < end_at:
            time.sleep(_LOOK_SECONDS)
            process.check()
            cursor.execute(_CONNECTIONS)
            ((number,),) = cursor.fetchall()
            yield resident_mebibytes([process.popen.pid, *children_of(process)]), number


_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database()
       AND application_name IN ('jobrunner worker', 'jobrunner run')
"""
_DELAYS = """
    SELECT extract(epoch FROM started_at - scheduled_for)
      FROM jobrunner.runs WHERE state = 'succeeded' AND trigger = 'schedule'
"""


def _delays(place: Place) -> list[float]:
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute(_DELAYS)
        return sorted(float(delay) for (delay,) in cursor.fetchall())
