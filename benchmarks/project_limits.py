"""What a plan and an apply of many jobs cannot do without: parsing, checking, reading back, writing."""

import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml
from psycopg2.extensions import connection as Connection  # noqa: N812  it is a class
from psycopg2.extras import execute_values

from benchmarks.bench import Place
from benchmarks.figures import Figure
from jobrunner.spec.models import JobSpec

Rows = Sequence[tuple[str, str, str, str]]
WHO = "limit"
_ROUNDS = 3
_STAGE = "CREATE TEMPORARY TABLE stage (id uuid, address text, digest text, spec jsonb)"
_TABLE = "CREATE TABLE limit_jobs (id uuid, address text PRIMARY KEY, digest text, spec jsonb)"
_UPSERT = """
    INSERT INTO limit_jobs SELECT * FROM stage
        ON CONFLICT (address) DO UPDATE SET digest = excluded.digest, spec = excluded.spec
"""


def limits(place: Place) -> Iterator[Figure]:
    """Of the job files of a place, the best of a few rounds each."""
    contents = [file.read_bytes() for file in sorted((place.folder / "jobs.d").iterdir())]
    texts = [content.decode() for content in contents]
    body = "".join(text.partition("jobs:\n")[2] for text in texts)
    whole = f"jobs:\n{body}"
    loaded = [yaml.load(text, yaml.CSafeLoader) for text in texts]
    jobs = {name: job for one in loaded for name, job in one["jobs"].items()}
    many = f"{len(jobs):,} jobs"
    yield _figure(f"hashing {len(contents):,} files", lambda: _hash(contents))
    yield _figure(f"{many}: events of libyaml, one text", lambda: _events(whole))
    yield _figure(f"{many}: events of libyaml, a text a file", lambda: [*map(_events, texts)])
    yield _figure(f"{many}: CSafeLoader, one text", lambda: yaml.load(whole, yaml.CSafeLoader))
    yield _figure(f"{many}: CSafeLoader, a text a file", lambda: [*map(_load, texts)])
    values = [_values(name, job) for name, job in jobs.items()]
    yield _figure(f"{many}: Pydantic", lambda: [*map(JobSpec.model_validate, values)])
    rows = [
        (str(uuid.uuid4()), name, f"{number:016x}", json.dumps(job))
        for number, (name, job) in enumerate(jobs.items())
    ]
    with place.connection() as connection:
        yield from _database(connection, rows, many)


def _database(connection: Connection, rows: Rows, many: str) -> Iterator[Figure]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        cursor.execute(_STAGE)
        what = f"{many}: COPY into a stage, one INSERT … ON CONFLICT"
        yield _figure(what, lambda: _copy(cursor, rows))
        yield _figure(f"{many}: names and hashes read back", lambda: _read_back(cursor))
        what = f"{many}: insertmanyvalues"
        yield _figure(what, lambda: _insert_many(cursor, rows))


def _hash(contents: list[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def _events(text: str) -> None:
    next_event = yaml.CSafeLoader(text).get_event
    while next_event() is not None:
        pass


def _load(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader)


def _values(name: str, job: dict[str, Any]) -> dict[str, Any]:
    """As our reader hands them to the model."""
    schedule = {"name": "default", **job["schedule"]}
    given = {key: value for key, value in job.items() if key != "schedule"}
    return {"namespace": "bench", "name": name, **given, "schedules": [schedule]}


def _copy(cursor: Any, rows: Rows) -> None:
    cursor.execute("TRUNCATE stage, limit_jobs")
    lines = "\n".join("\t".join(value.replace("\\", "\\\\") for value in row) for row in rows)
    cursor.copy_expert("COPY stage FROM STDIN", io.StringIO(lines))
    cursor.execute(_UPSERT)


def _read_back(cursor: Any) -> None:
    cursor.execute("SELECT address, digest FROM limit_jobs")
    cursor.fetchall()


def _insert_many(cursor: Any, rows: Rows) -> None:
    cursor.execute("TRUNCATE limit_jobs")
    execute_values(cursor, "INSERT INTO limit_jobs VALUES %s", rows, page_size=1_000)


def _figure(what: str, work: Callable[[], object]) -> Figure:
    return Figure(what, min(_seconds(work) for _ in range(_ROUNDS)), "s", WHO)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
