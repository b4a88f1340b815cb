"""What the web process takes for lists and pages of a large database, for pollers, and in a flood."""

import http.client
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.bench import Bench, Place, Process
from benchmarks.figures import JOBRUNNER, Figure, median_of
from benchmarks.load import Timed
from benchmarks.schedulers import Scheduler
from benchmarks.seed import seed_resting, seed_timed
from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.tokens import insert_token

JOBS = 5_000
RUNS = 1_000_000
ROUNDS = 15
POLLERS = 100
POLL_SECONDS = 5.0
FLOOD_SECONDS = 20.0
FLOOD_A_SECOND = 1_000
_FLOODERS = 8
_TIMED = 20
_POLLED = "/api/v1/runs"
_READY_SECONDS = 60.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")

LISTS = (
    "/api/v1/jobs", "/api/v1/runs", "/api/v1/queues", "/api/v1/workers", "/api/v1/status",
    "/api/v1/plan", "/api/v1/revisions", "/api/v1/jobs/bench/resting-7",
    "/api/v1/calendar", "/api/v1/calendar?past_hours=168", "/", "/jobs",
    "/jobs/bench/resting-7", "/runs", "/queues", "/calendar", "/changes", "/audit",
)  # fmt: skip
FILTERS = (
    "/api/v1/jobs?text=resting-49", "/api/v1/jobs?state=failing", "/api/v1/runs?state=failed",
    "/api/v1/runs?state=lost", "/api/v1/runs?job=bench/resting-7", "/api/v1/runs?namespace=bench",
    "/api/v1/runs?queue=default&since=2026-01-01T00:00:00Z", "/api/v1/runs?queue=nobody",
    "/api/v1/jobs?state=running", "/api/v1/jobs?text=nobody", "/metrics",
)  # fmt: skip

# Two hundred runs a job over the last days; one in a hundred has failed, three in all were lost.
_SEED_RUNS = """
    INSERT INTO jobrunner.runs
           (id, job_id, definition_id, trigger, scheduled_for, state, queue, available_at, attempt,
            started_at, finished_at, is_counted)
    SELECT gen_random_uuid(), job.id, job.definition_id, 'manual', at,
           CASE WHEN n %% 333333 = 7 THEN 'lost' WHEN n %% 100 = 0 THEN 'failed' ELSE 'succeeded' END,
           'default', at, 1, at, at + make_interval(secs => n %% 90), true
      FROM (SELECT n, now() - make_interval(secs => n * 0.6) AS at
              FROM generate_series(1, %(runs)s) AS n) AS numbered
      JOIN (SELECT id, definition_id, row_number() OVER (ORDER BY id) AS number
              FROM jobrunner.jobs) AS job ON job.number = 1 + n %% %(jobs)s
"""

# What a beat would have counted of them; of the times only the sums are right.
_SEED_TOTALS = """
    INSERT INTO jobrunner.job_totals
    SELECT job_id, queue, trigger, state, count(*), 0,
           sum(extract(epoch FROM finished_at - started_at)), array_fill(count(*), ARRAY[12]),
           0, array_fill(count(*), ARRAY[12]), 0, array_fill(0::bigint, ARRAY[12]), max(finished_at)
      FROM jobrunner.runs GROUP BY job_id, queue, trigger, state;
    INSERT INTO jobrunner.hour_totals
    SELECT date_bin('1 hour', r.scheduled_for, '2000-01-01Z'), j.namespace, r.queue, r.state,
           count(*), sum(extract(epoch FROM r.finished_at - r.started_at))
      FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class _Server:
    """A web process, and a token that may do all there."""

    process: Process
    host: str
    headers: Mapping[str, str]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=30)


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """The product alone. Quick: a twentieth of the runs."""
    if JOBRUNNER not in {scheduler.name for scheduler in schedulers}:
        return
    runs = RUNS // (20 if bench.is_quick else 1)

    def fill(place: Place) -> None:
        place.jobrunner("db", "upgrade")
        with place.connection() as connection, connection.cursor() as cursor:
            seed_resting(connection, JOBS)
            cursor.execute(_SEED_RUNS, {"runs": runs, "jobs": JOBS})
            cursor.execute(_SEED_TOTALS)

    with bench.open_place(f"web {runs}", fill) as place:
        what = f"{JOBS:,} jobs, {runs:,} runs"
        with _serving(place, requests_per_second=0) as server:
            yield from _medians(server, what)
            yield _pollers(server, what, seconds=60.0 / (3 if bench.is_quick else 1))
        yield from _flood(place, what)


def _medians(server: _Server, what: str) -> Iterator[Figure]:
    connection = server.connect()
    for paths, at_most in ((LISTS, 150.0), (FILTERS, 300.0)):
        for path in paths:
            taken = [_seconds(connection, path, server.headers) for _ in range(ROUNDS)]
            yield Figure(f"{what}: GET {path}", 1000 * median_of(taken), "ms", at_most=at_most)


def _seconds(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> float:
    begun = time.monotonic()
    status, _ = _get(connection, path, headers)
    if status != 200:
        raise SystemExit(f"GET {path} answered {status}.")
    return time.monotonic() - begun


def _get(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> tuple[int, str]:
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers.get("ETag", "")


def _pollers(server: _Server, what: str, *, seconds: float) -> Figure:
    """Each asks once in POLL_SECONDS, and has the newest answer."""
    _, tag = _get(server.connect(), _POLLED, server.headers)
    headers = {**server.headers, "If-None-Match": tag}
    statuses: Counter[int] = Counter()
    lock = threading.Lock()
    cpu_seconds, begun = server.process.cpu_seconds(), time.monotonic()

    def poll(number: int) -> None:
        connection = server.connect()
        for turn in range(int(seconds / POLL_SECONDS)):
            due = begun + (turn + number / POLLERS) * POLL_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
            status, _ = _get(connection, _POLLED, headers)
            with lock:
                statuses[status] += 1

    _all_at_once(poll, POLLERS)
    share = 100 * (server.process.cpu_seconds() - cpu_seconds) / (time.monotonic() - begun)
    note = f"one in {POLL_SECONDS:g} s each; answers {dict(statuses)}"
    return Figure(f"{what}: {POLLERS} pollers, CPU of the web", share, "%", at_most=5.0, note=note)


def _all_at_once(act: Callable[[int], None], number: int) -> None:
    threads = [threading.Thread(target=act, args=(each,)) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _flood(place: Place, what: str) -> Iterator[Figure]:
    """Beside a beat with schedules that are due each second."""
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM date_trunc('second', now()))")
        ((now,),) = cursor.fetchall()
        timed = [Timed(1.0, float(now) + 5) for _ in range(_TIMED)]
        seed_timed(connection, timed, overlap="allow")
    with (
        _serving(place, requests_per_second=50) as server,
        place.start(sys.executable, "-m", "jobrunner", "beat"),
    ):
        _wait_for_dispatch(place)
        statuses = _send_flood(server)
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY"
            "  extract(epoch FROM created_at - scheduled_for)), count(*)"
            "  FROM jobrunner.runs WHERE trigger = 'schedule'"
        )
        ((late_seconds, dispatched),) = cursor.fetchall()
    sent = sum(statuses.values()) / FLOOD_SECONDS
    note = f"{sent:,.0f} requests/s, answers {dict(statuses)}, {dispatched} runs"
    failed = sum(count for status, count in statuses.items() if status >= 500)
    yield Figure(
        f"{what}: flood, lateness p99", float(late_seconds or 0), "s", at_most=1.0, note=note
    )
    yield Figure(f"{what}: flood, answers of 500 and more", failed, "answers", at_most=0)


def _wait_for_dispatch(place: Place) -> None:
    """A beat that has not begun is late for other reasons."""
    deadline = time.monotonic() + _READY_SECONDS
    with place.connection() as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "DELETE FROM jobrunner.runs WHERE trigger IN ('schedule', 'catch_up') RETURNING id"
            )
            if cursor.fetchall():
                return
            time.sleep(0.5)
    raise SystemExit("The beat has dispatched nothing.")


def _send_flood(server: _Server) -> Counter[int]:
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def send(_: int) -> None:
        connection, own = server.connect(), Counter[int]()
        begun = time.monotonic()
        sent = 0
        while (passed := time.monotonic() - begun) < FLOOD_SECONDS:
            if sent > passed * FLOOD_A_SECOND / _FLOODERS:
                time.sleep(0.001)
                continue
            own[_get(connection, _POLLED, server.headers)[0]] += 1
            sent += 1
        with lock:
            statuses.update(own)

    _all_at_once(send, _FLOODERS)
    return statuses


@contextmanager
def _serving(place: Place, *, requests_per_second: float) -> Iterator[_Server]:
    token = new_token()
    engine = make_engine(place.database_url, application_name="benchmarks")
    with transaction(engine) as connection:
        insert_token(
            connection, token, name="bench", subject="bench", role=Role.ADMIN, created_by="bench"
        )
    engine.dispose()
    command = (sys.executable, "-m", "jobrunner", "web", "--port", "0")
    limit = {"JOBRUNNER_WEB_REQUESTS_PER_SECOND": str(requests_per_second)}
    with place.start(*command, **limit) as process:
        yield _Server(process, _host_of(process), {"Authorization": f"Bearer {token}"})


def _host_of(process: Process) -> str:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        process.check()
        found = _ADDRESS.search(process.log.read_text("utf-8", errors="replace"))
        if found:
            return urlsplit(found[0]).netloc
        time.sleep(0.1)
    raise SystemExit("The web process has not said where it is.")
