"""The demo's callables: plain functions that do something one can look at.

Nothing here knows of jobrunner but `third_time_lucky`, which asks which attempt it is.
"""

import asyncio
import logging
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

import jobrunner

logger = logging.getLogger(__name__)


def disk_report(path: str) -> dict[str, float]:
    """Write the state of disk and memory to a file, and give the figures back as the run's result."""
    usage = shutil.disk_usage(".")
    figures = {
        "disk_used_percent": round(100 * usage.used / usage.total, 1),
        "disk_free_gib": round(usage.free / 2**30, 1),
        "memory_available_gib": round(_available_memory_bytes() / 2**30, 1),
    }
    report = Path(path)
    report.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        *(f"{k}: {v}" for k, v in figures.items()),
    ]
    report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    logger.info("wrote %s", report)
    return figures


def _available_memory_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def table_sizes() -> dict[str, int]:
    """Bytes of each of jobrunner's own tables, with their indexes, the largest first."""
    with (
        psycopg2.connect(os.environ["JOBRUNNER_DATABASE_URL"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relnamespace = 'jobrunner'::regnamespace AND relkind = 'r' ORDER BY 2 DESC"
        )
        sizes = dict(cursor.fetchall())
    for table, size in list(sizes.items())[:3]:
        logger.info("%s: %d KiB", table, size // 1024)
    return sizes


def third_time_lucky() -> str:
    """Fail at the first two attempts, so that a retry can be seen."""
    attempt = jobrunner.current_run().attempt
    if attempt < 3:
        raise ConnectionError(f"attempt {attempt}: the other side does not answer")
    return f"succeeded at attempt {attempt}"


async def measure_latency(rounds: int) -> dict[str, float]:
    """How late an event loop wakes, measured `rounds` times at once, in milliseconds."""
    late = await asyncio.gather(*(_wake_late_ms(index) for index in range(rounds)))
    return {"median_ms": sorted(late)[len(late) // 2], "worst_ms": max(late)}


async def _wake_late_ms(index: int) -> float:
    wait_seconds = 0.01 * (index + 1)
    begun = time.perf_counter()
    await asyncio.sleep(wait_seconds)
    return round(1000 * (time.perf_counter() - begun - wait_seconds), 3)


def greet(name: str) -> str:
    """Say hello."""
    print(f"Hello, {name}!")
    return f"Hello, {name}!"
