"""How long the command line takes to answer."""

import statistics
import time

from benchmarks.bench import Bench, Figure

ROUNDS = 7


def measure(bench: Bench) -> list[Figure]:
    """`--help`, and `validate` of 100 jobs, as whole processes."""
    bench.write_jobs(
        "hundred.yaml",
        {
            f"job-{n}": {
                "task": "bench_tasks.nothing",
                "schedule": f"{n % 60} * * * *",
                "kwargs": {},
            }
            for n in range(100)
        },
    )
    return [
        Figure("jobrunner --help, median", median_milliseconds(bench, "--help"), "ms", 300),
        Figure("validate of 100 jobs, median", median_milliseconds(bench, "validate"), "ms", 300),
    ]


def median_milliseconds(bench: Bench, *arguments: str) -> float:
    """The median of several runs after one that fills the caches."""
    bench.jobrunner(*arguments)
    return statistics.median(_milliseconds(bench, *arguments) for _ in range(ROUNDS))


def _milliseconds(bench: Bench, *arguments: str) -> float:
    begun = time.perf_counter()
    bench.jobrunner(*arguments)
    return 1000 * (time.perf_counter() - begun)
