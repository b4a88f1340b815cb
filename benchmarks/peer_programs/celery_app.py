"""The app of every scheduler that runs in Celery's beat: a user's own would look like it.

Celery's own scheduler reads its schedules from here, the others from where they keep them.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import schedule

TASK = "bench.nothing"
RESTING_SECONDS = 30 * 24 * 3600

_database_url = os.environ["JOBRUNNER_DATABASE_URL"]
_broker_url = os.environ["JOBRUNNER_BROKER_URL"]

app = Celery("bench", broker=_broker_url, set_as_current=True)
app.conf.update(
    task_default_queue="default",
    timezone="UTC",
    result_expires=None,  # or a schedule that cleans up results would be added
    beat_dburi=_database_url.replace("postgresql:", "postgresql+psycopg2:"),
    # A URL of redis-py, which RedBeat talks to without kombu.
    redbeat_redis_url=_broker_url.replace("redis+socket:", "unix:").replace("virtual_host", "db"),
    redbeat_redis_options={},
)
if "BENCH_LOOP_SECONDS" in os.environ:
    app.conf.beat_max_loop_interval = float(os.environ["BENCH_LOOP_SECONDS"])


def _beat_schedule(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    now = datetime.now(UTC)
    resting = {
        f"resting-{number}": _entry(number, RESTING_SECONDS, now)
        for number in range(given["resting"])
    }
    timed = {
        f"timed-{number}": _entry(
            number,
            every_seconds,
            datetime.fromtimestamp(first_due_at, UTC) - timedelta(seconds=every_seconds),
        )
        for number, (every_seconds, first_due_at) in enumerate(given["timed"])
    }
    return resting | timed


def _entry(number: int, every_seconds: float, last_run_at: datetime) -> dict[str, Any]:
    return {
        "task": TASK,
        "schedule": schedule(every_seconds),
        "args": (number,),
        "last_run_at": last_run_at,
    }


if "BENCH_SCHEDULES" in os.environ:
    app.conf.beat_schedule = _beat_schedule(
        json.loads(Path(os.environ["BENCH_SCHEDULES"]).read_text("utf-8"))
    )
