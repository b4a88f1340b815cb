"""The peers, each with its schedules where it keeps them and in its own process.

Each is used as its documents say, with its defaults; where that would have been unfair to it, the
exception stands beside it.
"""

import json
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Place, Process
from benchmarks.load import Timed
from benchmarks.onlooker import Arrival, connect_to_broker
from benchmarks.schedulers import Change, Scheduler

QUEUE_KEY = "default"
RESTING_SECONDS = 30 * 24 * 3600
_TASK = "bench.nothing"
_APP = "benchmarks.peer_programs.celery_app"
_SCHEDULES = "schedules.json"
_SCHEDULES_READ_A_SECOND = 4_000


def all_peers(python: Path) -> tuple[Scheduler, ...]:
    """In the order of the tables."""
    return (
        CeleryBeat(python),
        DjangoCeleryBeat(python),
        SqlalchemyCeleryBeat(python),
        RedBeat(python),
        ApScheduler(python),
    )


@dataclass(frozen=True)
class _Peer:
    python: Path
    queue_key: str = QUEUE_KEY

    def start_seconds(self, schedules: int) -> float:
        return 3.0 + schedules / _SCHEDULES_READ_A_SECOND

    def numbers_of(self, place: Place, arrivals: Iterable[Arrival]) -> Iterator[int]:
        del place
        for arrival in arrivals:
            yield int(json.loads(b64decode(arrival.message["body"]))[0][0])

    def _start_beat(self, place: Place, scheduler: str, **variables: str) -> Sequence[Process]:
        command = (str(self.python), "-m", "celery", "-A", _APP, "beat", "-S", scheduler)
        return [place.start(*command, **variables)]


@dataclass(frozen=True)
class CeleryBeat(_Peer):
    """Celery's own, whose schedules are in the app's configuration."""

    name: str = "Celery beat"

    @contextmanager
    def open(self, bench: Bench, resting: int) -> Iterator[Place]:
        with bench.open_place("nothing", lambda _: None) as place:
            _write(place, {"resting": resting, "timed": []})
            yield place

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        given = json.loads((place.folder / _SCHEDULES).read_text("utf-8"))
        _write(place, {**given, "timed": _pairs(timed)})

    def start(self, place: Place) -> Sequence[Process]:
        return self._start_beat(
            place, "celery.beat:PersistentScheduler", BENCH_SCHEDULES=_SCHEDULES
        )


def _write(place: Place, given: Mapping[str, Any]) -> None:
    (place.folder / _SCHEDULES).write_text(json.dumps(given))


def _pairs(timed: Sequence[Timed]) -> list[tuple[float, float]]:
    return [(one.every_seconds, one.first_due_at) for one in timed]


_TIMED_SQL = """
    SELECT 'timed-' || ordinality - 1 AS name, ordinality - 1 AS number, (given ->> 0)::float8::int AS every,
           to_timestamp((given ->> 1)::float8 - (given ->> 0)::float8) AS last_run_at
      FROM jsonb_array_elements(CAST(%(timed)s AS jsonb)) WITH ORDINALITY AS given (given, ordinality)
"""
_RESTING_SQL = """
    SELECT 'resting-' || n AS name, n AS number, %(every)s AS every, now() AS last_run_at
      FROM generate_series(0, %(resting)s - 1) AS n
"""


@dataclass(frozen=True)
class _DatabasePeer(_Peer):
    """One whose schedules are rows that point at rows of intervals."""

    intervals: str = ""
    schedules: str = ""
    changes: str = ""

    @contextmanager
    def open_change(self, place: Place) -> Iterator[Change]:
        with place.connection() as connection, connection.cursor() as cursor:

            def change(number: int) -> float:
                cursor.execute(self.changes, (f"timed-{number}",))
                return time.time()

            yield change

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        self._insert(place, _TIMED_SQL, {"timed": json.dumps(_pairs(timed))})

    @contextmanager
    def open(self, bench: Bench, resting: int) -> Iterator[Place]:
        def fill(place: Place) -> None:
            self._make_tables(place)
            self._insert(place, _RESTING_SQL, {"resting": resting, "every": RESTING_SECONDS})

        with bench.open_place(f"{type(self).__name__} {resting}", fill) as place:
            yield place

    def _make_tables(self, place: Place) -> None:
        raise NotImplementedError

    def _insert(self, place: Place, source: str, values: Mapping[str, Any]) -> None:
        with place.connection() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE given AS {source}", values)
            cursor.execute(self.intervals)
            cursor.execute(self.schedules, {"task": _TASK})
            cursor.execute("DROP TABLE given")


@dataclass(frozen=True)
class DjangoCeleryBeat(_DatabasePeer):
    name: str = "django-celery-beat"
    intervals: str = """
        INSERT INTO django_celery_beat_intervalschedule (every, period)
        SELECT DISTINCT every, 'seconds' FROM given
    """
    schedules: str = """
        INSERT INTO django_celery_beat_periodictask
               (name, task, args, kwargs, headers, one_off, enabled, last_run_at, total_run_count,
                date_changed, description, interval_id)
        SELECT name, %(task)s, jsonb_build_array(number), '{}', '{}', false, true, last_run_at, 0, now(), '',
               (SELECT min(id) FROM django_celery_beat_intervalschedule AS i WHERE i.every = given.every)
          FROM given;
        INSERT INTO django_celery_beat_periodictasks (ident, last_update) VALUES (1, now())
            ON CONFLICT DO NOTHING
    """
    changes: str = """
        BEGIN;
        UPDATE django_celery_beat_periodictask SET last_run_at = now() - interval '60 days' WHERE name = %s;
        INSERT INTO django_celery_beat_periodictasks (ident, last_update) VALUES (1, now())
            ON CONFLICT (ident) DO UPDATE SET last_update = now();
        COMMIT
    """
    variables: tuple[tuple[str, str], ...] = (
        ("DJANGO_SETTINGS_MODULE", "benchmarks.peer_programs.django_settings"),
    )

    def _make_tables(self, place: Place) -> None:
        place.run(str(self.python), "-m", "django", "migrate", **dict(self.variables))

    def start(self, place: Place) -> Sequence[Process]:
        return self._start_beat(
            place, "django_celery_beat.schedulers:DatabaseScheduler", **dict(self.variables)
        )


@dataclass(frozen=True)
class SqlalchemyCeleryBeat(_DatabasePeer):
    name: str = "sqlalchemy-celery-beat"
    intervals: str = """
        INSERT INTO celery_intervalschedule (every, period)
        SELECT DISTINCT every, CAST('seconds' AS period) FROM given
    """
    schedules: str = """
        INSERT INTO celery_periodictask
               (name, task, args, kwargs, headers, one_off, enabled, last_run_at, total_run_count,
                date_changed, description, discriminator, schedule_id)
        SELECT name, %(task)s, jsonb_build_array(number), '{}', '{}', false, true, last_run_at, 0, now(), '',
               'intervalschedule',
               (SELECT min(id) FROM celery_intervalschedule AS i WHERE i.every = given.every)
          FROM given
    """

    changes: str = """
        BEGIN;
        UPDATE celery_periodictask SET last_run_at = now() - interval '60 days' WHERE name = %s;
        INSERT INTO celery_periodictaskchanged (id, last_update) VALUES (1, now())
            ON CONFLICT (id) DO UPDATE SET last_update = now();
        COMMIT
    """

    def _make_tables(self, place: Place) -> None:
        place.run(str(self.python), "-m", "benchmarks.peer_programs.sqlalchemy_tables")

    def start(self, place: Place) -> Sequence[Process]:
        return self._start_beat(place, "sqlalchemy_celery_beat.schedulers:DatabaseScheduler")


@dataclass(frozen=True)
class RedBeat(_Peer):
    """Its schedules are in Redis, written here as its entries' own `save` writes them.

    It looks for changes once in its longest wait, which is five minutes by default: five seconds, as
    with the database schedulers, is what makes it usable.
    """

    name: str = "celery-redbeat"

    @contextmanager
    def open(self, bench: Bench, resting: int) -> Iterator[Place]:
        with bench.open_place("nothing", lambda _: None) as place:
            now = datetime.now(UTC).timestamp()
            given = [Timed(RESTING_SECONDS, now + RESTING_SECONDS)] * resting
            save_redbeat(place, "resting", dict(enumerate(given)))
            yield place

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        save_redbeat(place, "timed", dict(enumerate(timed)))

    def start(self, place: Place) -> Sequence[Process]:
        return self._start_beat(place, "redbeat.RedBeatScheduler", BENCH_LOOP_SECONDS="5")

    @contextmanager
    def open_change(self, place: Place) -> Iterator[Change]:
        def change(number: int) -> float:
            save_redbeat(place, "timed", {number: Timed(RESTING_SECONDS, time.time())})
            return time.time()

        yield change


def save_redbeat(place: Place, kind: str, given: Mapping[int, Timed]) -> None:
    """Definitions, last runs, and the order in which they are due."""
    with connect_to_broker(place.broker_url).pipeline(transaction=False) as pipe:
        for number, one in given.items():
            key = f"redbeat:{kind}-{number}"
            definition = {
                "name": f"{kind}-{number}",
                "task": _TASK,
                "args": [number],
                "kwargs": {},
                "options": {},
                "schedule": {"__type__": "interval", "every": one.every_seconds, "relative": False},
                "enabled": True,
            }
            last = datetime.fromtimestamp(one.first_due_at, UTC) - timedelta(
                seconds=one.every_seconds
            )
            meta = {"last_run_at": _redbeat_time(last), "total_run_count": 1}
            pipe.hset(key, mapping={"definition": json.dumps(definition), "meta": json.dumps(meta)})
            pipe.zadd("redbeat::schedule", {key: int(one.first_due_at)})
            if number % _SCHEDULES_READ_A_SECOND == 0:
                pipe.execute()
        pipe.execute()


def _redbeat_time(at: datetime) -> dict[str, object]:
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__type__": "datetime", "timezone": "UTC"} | {part: getattr(at, part) for part in parts}


@dataclass(frozen=True)
class ApScheduler(_Peer):
    """Its jobs are pickled in PostgreSQL. It keeps no message queue: each job sends a Celery message."""

    name: str = "APScheduler"

    @contextmanager
    def open(self, bench: Bench, resting: int) -> Iterator[Place]:
        with bench.open_place(
            f"{self.name} {resting}", lambda place: self._run(place, "resting", str(resting))
        ) as place:
            yield place

    def add(self, place: Place, timed: Sequence[Timed]) -> None:
        (place.folder / _SCHEDULES).write_text(json.dumps(_pairs(timed)))
        self._run(place, "timed", _SCHEDULES)

    def start(self, place: Place) -> Sequence[Process]:
        return [place.start(*self._command(), "run")]

    def _run(self, place: Place, *arguments: str) -> None:
        place.run(*self._command(), *arguments)

    def _command(self) -> tuple[str, ...]:
        return (str(self.python), "-m", "benchmarks.peer_programs.apscheduler_beat")
