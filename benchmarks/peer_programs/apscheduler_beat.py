"""APScheduler as a beat: its jobs are in PostgreSQL, and each sends a Celery message.

`resting N` and `timed FILE` add schedules to its table, `run` serves them.
"""

import json
import pickle
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.job import Job  # type: ignore[import-not-found]  # of the peers' environment
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # type: ignore[import-not-found]
from apscheduler.schedulers.blocking import BlockingScheduler  # type: ignore[import-not-found]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-not-found]

from benchmarks.peer_programs.celery_app import RESTING_SECONDS, TASK, app

ADD_AT_ONCE = 10_000


def send(number: int) -> None:
    """What each job does."""
    app.send_task(TASK, args=(number,))


def main() -> None:
    """As the arguments say."""
    store = SQLAlchemyJobStore(app.conf.beat_dburi)
    # Its default drops a run that is a second late, and most of a burst with it.
    defaults = {"misfire_grace_time": 3600}
    scheduler = BlockingScheduler(jobstores={"default": store}, job_defaults=defaults, timezone=UTC)
    match sys.argv[1:]:
        case ["resting", number]:
            in_a_month = datetime.now(UTC) + timedelta(seconds=RESTING_SECONDS)
            given = ((RESTING_SECONDS, in_a_month.timestamp()) for _ in range(int(number)))
            _add(scheduler, store, _jobs(scheduler, "resting", given))
        case ["timed", file]:
            given = json.loads(Path(file).read_text("utf-8"))
            _add(scheduler, store, _jobs(scheduler, "timed", given))
        case _:
            scheduler.start()


def _jobs(scheduler: Any, name: str, given: Iterable[tuple[float, float]]) -> Iterator[Any]:
    for number, (every_seconds, first_due_at) in enumerate(given):
        due_at = datetime.fromtimestamp(first_due_at, UTC)
        yield Job(
            scheduler,
            id=f"{name}-{number}",
            name=f"{name}-{number}",
            func="benchmarks.peer_programs.apscheduler_beat:send",
            args=(number,),
            kwargs={},
            trigger=IntervalTrigger(seconds=every_seconds, start_date=due_at, timezone=UTC),
            executor="default",
            misfire_grace_time=3600,
            coalesce=True,
            max_instances=1,
            next_run_time=due_at,
        )


def _add(scheduler: Any, store: Any, jobs: Iterable[Any]) -> None:
    """Many at once; the rows are those of the store's own `add_job`."""
    store.start(scheduler, "default")
    rows = [
        {
            "id": job.id,
            "next_run_time": job.next_run_time.timestamp(),
            "job_state": pickle.dumps(job.__getstate__(), store.pickle_protocol),
        }
        for job in jobs
    ]
    with store.engine.begin() as connection:
        for start in range(0, len(rows), ADD_AT_ONCE):
            connection.execute(store.jobs_t.insert(), rows[start : start + ADD_AT_ONCE])


if __name__ == "__main__":
    main()
