"""From the due time to the message in the broker, with one beat."""

import json
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from kombu import Connection

from benchmarks.bench import Bench, Figure, percentile

SCHEDULES = 200
SECONDS = 60
WARM_UP_SECONDS = 5
QUEUE = "default\x06\x169"
"""Where the transport puts messages of the lowest priority."""


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
    """Somebody outside the product who looks at the list and notes when each message came.

    Nothing is taken out: runs whose message has gone and that nobody claims would be sent again.
    """

    broker_url: str
    at: dict[str, float] = field(default_factory=dict)

    def collect(self, seconds: float) -> None:
        """Look every two milliseconds; that much is the error of a figure."""
        until, seen = time.monotonic() + seconds, 0
        with Connection(self.broker_url) as connection:
            channel: Any = connection.channel()
            while time.monotonic() < until:
                length = channel.client.llen(QUEUE)
                now = time.time()
                if length > seen:
                    new = channel.client.lrange(QUEUE, 0, length - seen - 1)
                    self.at |= {json.loads(message)["headers"]["id"]: now for message in new}
                    seen = length
                time.sleep(0.002)


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
