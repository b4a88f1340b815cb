"""A Celery app as a user would write it, for workers that run tasks which do nothing.

With `BENCH_RESULTS` it keeps each result in PostgreSQL, as the documents of Celery's database back end say.
Run as a program it sends so many messages as its argument says.
"""

import os
import sys
import time
from pathlib import Path

from celery import Celery

_database_url = os.environ["JOBRUNNER_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:")
_keeps_results = "BENCH_RESULTS" in os.environ

app = Celery(
    "bench",
    broker=os.environ["JOBRUNNER_BROKER_URL"],
    backend=f"db+{_database_url}" if _keeps_results else None,
)
app.conf.update(task_default_queue="default", task_ignore_result=not _keeps_results)


@app.task(name="bench.nothing")
def nothing() -> None:
    """As the name says."""


@app.task(name="bench.stamp")
def stamp(sent_at: float) -> None:
    """Write down how long it took from the call of the sender to here."""
    with Path("starts").open("a", encoding="utf-8") as starts:
        starts.write(f"{time.time() - sent_at}\n")


if __name__ == "__main__":
    if sys.argv[1] == "stamp":
        for _ in range(int(sys.argv[2])):
            stamp.delay(time.time())
            time.sleep(float(sys.argv[3]))
    else:
        with app.producer_pool.acquire(block=True) as producer:
            for _ in range(int(sys.argv[2])):
                nothing.apply_async(producer=producer)
