"""How long the command line takes to answer."""

import statistics
import time
from collections.abc import Iterator, Sequence

from benchmarks.bench import Bench, Place
from benchmarks.figures import Figure
from benchmarks.schedulers import Scheduler, migrate

ROUNDS = 7


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """`--help`, and `validate` of 100 jobs, as whole processes: the product alone."""
    del schedulers
    with bench.open_place("empty", migrate) as place:
        place.write_jobs(
            "hundred.yaml",
            {
                f"job-{n}": {"task": "bench_tasks.nothing", "schedule": f"{n % 60} * * * *"}
                for n in range(100)
            },
        )
        for what, command in (("jobrunner --help", "--help"), ("validate of 100 jobs", "validate")):
            yield Figure(f"{what}, median", median_milliseconds(place, command), "ms", at_most=300)


def median_milliseconds(place: Place, *arguments: str) -> float:
    """The median of several runs after one that fills the caches."""
    place.jobrunner(*arguments)
    return statistics.median(_milliseconds(place, *arguments) for _ in range(ROUNDS))


def _milliseconds(place: Place, *arguments: str) -> float:
    begun = time.perf_counter()
    place.jobrunner(*arguments)
    return 1000 * (time.perf_counter() - begun)
