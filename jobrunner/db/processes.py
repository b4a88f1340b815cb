"""Who is at work: each process writes its own row and, every few seconds, its sign of life."""

import json
import os
import socket
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, text

SIGN_OF_LIFE_SECONDS = 5
"""How often a process signs in. One that was not seen for three times as long is taken for dead."""
FORGET_DAYS = 7


@dataclass(frozen=True, slots=True)
class Process:
    """One start of a beat, a worker, a watcher or the pages."""

    id: uuid.UUID
    kind: str
    """`beat`, `worker`, `watch` or `web`."""
    name: str
    host: str
    pid: int
    version: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """A worker: `queues`, `concurrency`, `running`. A watcher: the state of its configuration. A beat:
    `cannot_send`, why runs of other Celery apps wait.
    """


@dataclass(frozen=True, slots=True)
class SeenProcess:
    """A process as the table has it."""

    process: Process
    started_at: datetime
    last_seen_at: datetime
    stopped_at: datetime | None
    """None unless it said good-bye."""
    is_alive: bool
    """Not stopped, and seen within three signs of life, by the database's clock."""


_SIGN_IN = text("""
    INSERT INTO jobrunner.processes (id, kind, name, host, pid, version, details)
    VALUES (:id, :kind, :name, :host, :pid, :version, CAST(:details AS jsonb))
        ON CONFLICT (id) DO UPDATE
       SET last_seen_at = clock_timestamp(), details = excluded.details, stopped_at = NULL
""")
_FORGET = text("""
    DELETE FROM jobrunner.processes WHERE last_seen_at < now() - make_interval(days => :days)
""")


def sign_in(
    connection: Connection,
    kind: str,
    *,
    name: str = "",
    details: Mapping[str, Any] | None = None,
    earlier: Process | None = None,
) -> Process:
    """Say that this process is at work; `earlier` is what the last call gave.

    The first call also forgets processes that were last seen a week ago. A row that somebody
    deleted comes back with the next call.
    """
    if earlier is None:
        connection.execute(_FORGET, {"days": FORGET_DAYS})
    host = socket.gethostname()
    process = Process(
        id=uuid.uuid4() if earlier is None else earlier.id,
        kind=kind,
        name=name or f"{kind}@{host}",
        host=host,
        pid=os.getpid(),
        version=own_version(),
        details=details or {},
    )
    connection.execute(
        _SIGN_IN,
        {
            "id": process.id,
            "kind": process.kind,
            "name": process.name,
            "host": process.host,
            "pid": process.pid,
            "version": process.version,
            "details": json.dumps(dict(process.details)),
        },
    )
    return process


_SIGN_OUT = text("""
    UPDATE jobrunner.processes
       SET stopped_at = clock_timestamp(), last_seen_at = clock_timestamp()
     WHERE id = :id
""")


def sign_out(connection: Connection, process: Process) -> None:
    """An orderly stop."""
    connection.execute(_SIGN_OUT, {"id": process.id})


_READ = text("""
    SELECT id, kind, name, host, pid, version, details, started_at, last_seen_at, stopped_at,
           stopped_at IS NULL
           AND last_seen_at > clock_timestamp() - make_interval(secs => 3 * :sign_of_life_seconds)
           AS is_alive
      FROM jobrunner.processes
     WHERE CAST(:kind AS text) IS NULL OR kind = :kind
     ORDER BY kind, name, started_at
""")


def read_processes(connection: Connection, *, kind: str | None = None) -> tuple[SeenProcess, ...]:
    """All that were seen lately, living and dead, by kind and name."""
    values = {"kind": kind, "sign_of_life_seconds": SIGN_OF_LIFE_SECONDS}
    return tuple(
        SeenProcess(
            process=Process(
                row.id, row.kind, row.name, row.host, row.pid, row.version, row.details
            ),
            started_at=row.started_at,
            last_seen_at=row.last_seen_at,
            stopped_at=row.stopped_at,
            is_alive=row.is_alive,
        )
        for row in connection.execute(_READ, values)
    )


def unserved_queues(queues: Iterable[str], processes: Iterable[SeenProcess]) -> tuple[str, ...]:
    """Those that no living worker takes from; one that is about to stop takes nothing any more."""
    served = {
        queue
        for one in processes
        if one.process.kind == "worker" and one.is_alive and not one.process.details.get("stopping")
        for queue in one.process.details.get("queues", ())
    }
    return tuple(queue for queue in queues if queue not in served)


def not_sent_to(processes: Iterable[SeenProcess]) -> tuple[str, ...]:
    """Why beats that are alive cannot send to another Celery app, each reason once."""
    told = (one.process.details.get("cannot_send", ()) for one in processes if one.is_alive)
    return tuple(dict.fromkeys(reason for reasons in told for reason in reasons))


def own_version() -> str:
    """Of the package that runs here."""
    try:
        return version("celery-jobrunner")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
