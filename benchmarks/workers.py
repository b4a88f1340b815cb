"""Who executes: the product's worker, and Celery's own with and without results, behind one face."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from benchmarks.bench import Bench, Place, Process
from benchmarks.figures import JOBRUNNER
from benchmarks.onlooker import connect_to_broker
from benchmarks.peer_environment import find_peers
from benchmarks.schedulers import migrate
from jobrunner.broker import Sender, make_app
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings

QUEUE = "default"
CONCURRENCY = 2
WITH_RESULTS = "Celery, results in PostgreSQL"
WITHOUT_RESULTS = "Celery, no results"
_APP = "benchmarks.peer_programs.worker_app"
_LIKE_OURS = ("--concurrency", str(CONCURRENCY), "--without-gossip", "--without-mingle")
_TASKS = """\
import time

def nothing() -> None:
    pass

def stamp(sent_at: float) -> None:
    with open("starts", "a", encoding="utf-8") as starts:
        starts.write(f"{time.time() - sent_at}\\n")

def short() -> None:
    time.sleep(0.005)
"""


_JOBS = {
    name: {"task": f"bench_tasks.{name}", "overlap": "allow"}
    for name in ("nothing", "stamp", "short")
}


class Worker(Protocol):
    """One contestant."""

    @property
    def name(self) -> str:
        """As the tables call it."""

    def open(self, bench: Bench) -> AbstractContextManager[Place]:
        """A place of its own, with what it needs in the database."""

    def send(self, place: Place, number: int) -> None:
        """So many runs that do nothing wait in the queue."""

    def call(self, place: Place, number: int, *, every_seconds: float) -> None:
        """Ask for so many runs of `stamp`, one after the other, as a user's program would."""

    def start(self, place: Place) -> Process:
        """Its worker process with two children."""

    def recorded(self, place: Place) -> int:
        """How many ends of runs PostgreSQL knows."""


def all_workers() -> Sequence[Worker]:
    """In the order of the tables; the product alone where the peers cannot be installed."""
    python = find_peers()
    if python is None:
        return (JobrunnerWorker(),)
    return (JobrunnerWorker(), CeleryWorker(python, keeps_results=True), CeleryWorker(python))


@dataclass(frozen=True)
class JobrunnerWorker:
    """The product: each run is claimed and ended in PostgreSQL."""

    name: str = JOBRUNNER

    @contextmanager
    def open(self, bench: Bench) -> Iterator[Place]:
        def fill(place: Place) -> None:
            migrate(place)
            _write_project(place)
            place.jobrunner("apply", "--yes")

        with bench.open_place(self.name, fill) as place:
            _write_project(place)
            yield place

    def send(self, place: Place, number: int) -> None:
        with place.connection() as connection, connection.cursor() as cursor:
            cursor.execute(_INSERT, (number,))
            ids = [str(run_id) for (run_id,) in cursor.fetchall()]
        sender = Sender(make_app(Settings(broker_url=place.broker_url)))
        runs = [OutgoingRun(run_id, 0, "bench/nothing", QUEUE, None) for run_id in ids]
        sender.send(runs, datetime.now(UTC))
        sender.close()

    def call(self, place: Place, number: int, *, every_seconds: float) -> None:
        program = "benchmarks.peer_programs.trigger_stamps"
        place.run(sys.executable, "-m", program, str(number), str(every_seconds))

    def start(self, place: Place) -> Process:
        return place.start(
            *(sys.executable, "-m", "jobrunner", "worker", *_LIKE_OURS),
            JOBRUNNER_ALLOW_TASKS="bench_tasks.*",
        )

    def recorded(self, place: Place) -> int:
        return _count(place, "SELECT count(*) FROM jobrunner.runs WHERE state = 'succeeded'")


def _write_project(place: Place) -> None:
    # An apply looks for the functions that the jobs name.
    (place.folder / "bench_tasks.py").write_text(_TASKS, "utf-8")
    place.write_jobs("jobs.yaml", _JOBS)


_INSERT = """
    INSERT INTO jobrunner.runs
           (id, job_id, definition_id, trigger, scheduled_for, state, queue, available_at, sent_at)
    SELECT gen_random_uuid(), id, definition_id, 'manual', now(), 'queued', queue, now(), now()
      FROM jobrunner.jobs, generate_series(1, %s)
     WHERE name = 'nothing'
    RETURNING id
"""


@dataclass(frozen=True)
class CeleryWorker:
    """Celery's own, with its defaults."""

    python: Path
    keeps_results: bool = False

    @property
    def name(self) -> str:
        return WITH_RESULTS if self.keeps_results else WITHOUT_RESULTS

    def open(self, bench: Bench) -> AbstractContextManager[Place]:
        return bench.open_place(self.name, lambda _: None)

    def send(self, place: Place, number: int) -> None:
        place.run(str(self.python), "-m", _APP, "nothing", str(number), **self._variables)

    def call(self, place: Place, number: int, *, every_seconds: float) -> None:
        given = ("stamp", str(number), str(every_seconds))
        place.run(str(self.python), "-m", _APP, *given, **self._variables)

    def start(self, place: Place) -> Process:
        command = ("-m", "celery", "-A", _APP, "worker", *_LIKE_OURS)
        return place.start(str(self.python), *command, **self._variables)

    def recorded(self, place: Place) -> int:
        return _count(place, "SELECT count(*) FROM celery_taskmeta") if self.keeps_results else 0

    @property
    def _variables(self) -> dict[str, str]:
        return {"BENCH_RESULTS": "1"} if self.keeps_results else {}


def waiting(place: Place) -> int:
    """Messages that no worker has taken, of whatever priority."""
    client = connect_to_broker(place.broker_url)
    return sum(client.llen(key) for key in client.keys(f"{QUEUE}*") if client.type(key) == b"list")


def children_of(process: Process) -> list[int]:
    """Process ids, from /proc."""
    task = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children")
    return [int(pid) for pid in task.read_text("utf-8").split()]


def resident_mebibytes(pids: Sequence[int]) -> float:
    """Of all of them together; what they share counts for each."""
    page = os.sysconf("SC_PAGE_SIZE")
    pages = (int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1]) for pid in pids)
    return sum(pages) * page / 2**20


def starts(place: Place) -> list[float]:
    """Seconds from a send to the start of its callable, as the callables wrote them down."""
    file = place.folder / "starts"
    return [json.loads(line) for line in file.read_text("utf-8").split()] if file.exists() else []


def _count(place: Place, statement: str) -> int:
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        ((number,),) = cursor.fetchall()
    return int(number)
