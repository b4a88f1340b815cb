"""How long a plan and an apply of a thousand jobs take."""

import time

from benchmarks.bench import Bench, Figure

JOBS = 1_000


def measure(bench: Bench) -> list[Figure]:
    """First plan, first apply, and a plan that finds nothing, as whole processes."""
    for file in range(10):
        bench.write_jobs(
            f"jobs-{file}.yaml",
            {
                f"job-{file}-{n}": {
                    "task": "bench_tasks.nothing",
                    "description": f"Job {n} of file {file}",
                    "queue": "default",
                    "retry": {"max_retries": n % 4},
                    "schedule": {"cron": f"{n % 60} {n % 24} * * *", "timezone": "Europe/Berlin"},
                }
                for n in range(JOBS // 10)
            },
        )
    planned = _seconds(bench, "plan")
    applied = _seconds(bench, "apply", "--yes")
    unchanged = _seconds(bench, "plan")
    return [
        Figure("1,000 new jobs: plan and apply", planned + applied, "s", 2),
        Figure("1,000 new jobs: plan", planned, "s"),
        Figure("1,000 new jobs: apply", applied, "s"),
        Figure("1,000 jobs unchanged: plan", unchanged, "s"),
    ]


def _seconds(bench: Bench, *arguments: str) -> float:
    begun = time.perf_counter()
    bench.jobrunner(*arguments)
    return time.perf_counter() - begun
