"""How long a plan and an apply of a thousand jobs take."""

import time
from collections.abc import Iterator, Sequence

from benchmarks.bench import Bench, Place
from benchmarks.figures import Figure
from benchmarks.schedulers import Scheduler, migrate

JOBS = 1_000


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """First plan, first apply, and a plan that finds nothing, as whole processes: the product alone."""
    del schedulers
    with bench.open_place("empty", migrate) as place:
        for file in range(10):
            place.write_jobs(f"jobs-{file}.yaml", _jobs(file))
        planned = _seconds(place, "plan")
        applied = _seconds(place, "apply", "--yes")
        unchanged = _seconds(place, "plan")
    yield Figure("1,000 new jobs: plan and apply", planned + applied, "s", at_most=2)
    yield Figure("1,000 new jobs: plan", planned, "s")
    yield Figure("1,000 new jobs: apply", applied, "s")
    yield Figure("1,000 jobs unchanged: plan", unchanged, "s")


def _jobs(file: int) -> dict[str, dict[str, object]]:
    return {
        f"job-{file}-{n}": {
            "task": "bench_tasks.nothing",
            "description": f"Job {n} of file {file}",
            "queue": "default",
            "retry": {"max_retries": n % 4},
            "schedule": {"cron": f"{n % 60} {n % 24} * * *", "timezone": "Europe/Berlin"},
        }
        for n in range(JOBS // 10)
    }


def _seconds(place: Place, *arguments: str) -> float:
    begun = time.perf_counter()
    place.jobrunner(*arguments)
    return time.perf_counter() - begun
