"""Everybody who is measured, behind one face: a place with a load, and the processes that serve it."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from benchmarks import limit
from benchmarks.bench import Bench, Place, Process
from benchmarks.figures import JOBRUNNER
from benchmarks.load import Timed
from benchmarks.onlooker import Arrival
from benchmarks.seed import seed_resting, seed_timed

SIZES = (1_000, 10_000, 100_000, 1_000_000)
"""How many schedules there are in all."""
LIMIT = "limit"
TWO_BEATS = f"{JOBRUNNER}, 2 beats"
DATABASE_SCHEDULERS = ("django-celery-beat", "sqlalchemy-celery-beat")
"""Those that keep their schedules in a database and run in Celery's beat."""


Change = Callable[[int], float]


class Scheduler(Protocol):
    """One contestant."""

    @property
    def name(self) -> str:
        """As the tables call it."""

    @property
    def queue_key(self) -> str:
        """The list of the broker where its messages come."""

    def open(self, bench: Bench, resting: int) -> AbstractContextManager[Place]:
        """A place with so many resting schedules, in the form in which this scheduler keeps them."""

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        """These schedules too, before the start."""

    def start(self, place: Place) -> Sequence[Process]:
        """Its processes, at work in that place."""

    def start_seconds(self, schedules: int) -> float:
        """A first guess of how long they need to be ready."""

    def numbers_of(self, place: Place, arrivals: Iterable[Arrival]) -> Iterator[int]:
        """Of which timed schedule each message is."""


class Changeable(Scheduler, Protocol):
    """One that takes up changes of its schedules while it runs."""

    def open_change(self, place: Place) -> AbstractContextManager[Change]:
        """A function that makes a timed schedule due now, and says when that was committed."""


def one_each(schedulers: Iterable[Scheduler]) -> tuple[Scheduler, ...]:
    """Each as a user would start it once: without the limit, and without further beats."""
    return tuple(s for s in schedulers if s.name not in {LIMIT, TWO_BEATS})


def with_sizes(
    bench: Bench, schedulers: Sequence[Scheduler], *, peers_up_to: int
) -> Iterator[tuple[int, Scheduler]]:
    """(number of schedules, who), the small ones first; the biggest are the product's alone."""
    for size in SIZES[: 2 if bench.is_quick else None]:
        for scheduler in one_each(schedulers):
            if scheduler.name == JOBRUNNER or size <= (SIZES[0] if bench.is_quick else peers_up_to):
                yield size, scheduler


@contextmanager
def running(scheduler: Scheduler, place: Place) -> Iterator[Sequence[Process]]:
    """The scheduler's processes, until the end of the block."""
    with ExitStack() as opened:
        yield [opened.enter_context(process) for process in scheduler.start(place)]


def migrate(place: Place) -> None:
    """The product's tables."""
    place.jobrunner("db", "upgrade")


@dataclass(frozen=True)
class Jobrunner:
    """The product, with one beat or several."""

    beats: int = 1
    overlap: str = "skip"
    notifies: bool = True
    """Whether a change wakes it, as an apply does, or has to be found by looking."""
    queue_key: str = limit.QUEUE_KEY

    @property
    def kind(self) -> str:
        """What `--only` calls it."""
        return JOBRUNNER

    @property
    def name(self) -> str:
        return JOBRUNNER if self.beats == 1 else f"{JOBRUNNER}, {self.beats} beats"

    @contextmanager
    def open(self, bench: Bench, resting: int) -> Iterator[Place]:
        def fill(place: Place) -> None:
            migrate(place)
            with place.connection() as connection:
                seed_resting(connection, resting)

        with bench.open_place(f"{JOBRUNNER} {resting}", fill) as place:
            yield place

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        with place.connection() as connection:
            seed_timed(connection, timed, overlap=self.overlap)

    def start(self, place: Place) -> Sequence[Process]:
        command = (sys.executable, "-m", "jobrunner", "beat")
        return [place.start(*command) for _ in range(self.beats)]

    def start_seconds(self, schedules: int) -> float:
        del schedules
        return 3.0

    def numbers_of(self, place: Place, arrivals: Iterable[Arrival]) -> Iterator[int]:
        with place.connection() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT CAST(r.id AS text), j.name"
                "  FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id"
            )
            names = dict(cursor.fetchall())
        for arrival in arrivals:
            yield int(names[arrival.message["headers"]["id"]].rpartition("-")[2])

    @contextmanager
    def open_change(self, place: Place) -> Iterator[Change]:
        with place.connection() as connection, connection.cursor() as cursor:

            def change(number: int) -> float:
                cursor.execute(
                    _MAKE_DUE + ("; NOTIFY jobrunner" if self.notifies else ""), (number,)
                )
                return time.time()

            yield change


_MAKE_DUE = """
    UPDATE jobrunner.schedules AS s
       SET spec = s.spec || jsonb_build_object('anchor', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
           next_scheduled_for = date_trunc('second', now()), next_run_at = date_trunc('second', now())
      FROM jobrunner.jobs AS j
     WHERE j.namespace = 'bench' AND j.name = 'timed-' || %s AND s.job_id = j.id
"""


@dataclass(frozen=True)
class Limit(Jobrunner):
    """The bare loop over the product's tables."""

    @property
    def kind(self) -> str:
        return LIMIT

    @property
    def name(self) -> str:
        return LIMIT

    def start(self, place: Place) -> Sequence[Process]:
        urls = (place.database_url, place.broker_url)
        return [place.start(sys.executable, "-m", "benchmarks.limit", *urls)]
