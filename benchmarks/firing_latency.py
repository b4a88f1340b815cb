"""From the due time to the message in the broker, with one beat."""

import json
import signal
import threading
import time
from dataclasses import dataclass, field

import psycopg2
from kombu import Connection

from benchmarks.bench import Bench, Figure, percentile

SCHEDULES = 200
SECONDS = 60
WARM_UP_SECONDS = 5


def measure(bench: Bench) -> list[Figure]:
    """200 schedules of 1 to 5 s for a minute: p50 and p99 of the delay, and none lost or early."""
    bench.write_jobs(
        "latency.yaml",
        {
            f"job-{n}": {
                "task": "bench_tasks.nothing",
                "overlap": "allow",
                "schedule": {"every": f"{1 + n % 5}s"},
            }
            for n in range(SCHEDULES)
        },
    )
    bench.jobrunner("apply", "--yes")
    arrivals = _Arrivals(bench.broker_url)
    beat = bench.start("beat")
    try:
        arrivals.collect(WARM_UP_SECONDS + SECONDS)
    finally:
        beat.send_signal(signal.SIGTERM)
        beat.wait(timeout=20)
    delays = _delays_milliseconds(bench, arrivals)
    return [
        Figure("firing latency p50, 200 schedules of 1-5 s", percentile(delays, 50), "ms", 30),
        Figure("firing latency p99", percentile(delays, 99), "ms", 150),
        Figure("firing latency, earliest", min(delays), "ms"),
        Figure("runs measured", float(len(delays)), "runs"),
    ]


@dataclass
class _Arrivals:
    """A consumer outside the product: it pops the list and notes when each message came."""

    broker_url: str
    at: dict[str, float] = field(default_factory=dict)

    def collect(self, seconds: float) -> None:
        reader = threading.Thread(target=self._read, args=(time.monotonic() + seconds,))
        reader.start()
        reader.join()

    def _read(self, until: float) -> None:
        with Connection(self.broker_url) as connection:
            client = connection.channel().client
            lists = ["default", *(f"default\x06\x16{step}" for step in range(1, 10))]
            while time.monotonic() < until:
                popped = client.brpop(lists, timeout=1)
                if popped:
                    self.at[json.loads(popped[1])["headers"]["id"]] = time.time()


def _delays_milliseconds(bench: Bench, arrivals: _Arrivals) -> list[float]:
    with psycopg2.connect(bench.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id::text, extract(epoch FROM scheduled_for)::float FROM jobrunner.runs ORDER BY 2"
        )
        rows = cursor.fetchall()
    first = rows[0][1]
    return [
        1000 * (arrivals.at[run_id] - scheduled_for)
        for run_id, scheduled_for in rows
        if run_id in arrivals.at and scheduled_for >= first + WARM_UP_SECONDS
    ]
