"""What is known at the end of a chaos run: the ledger, the journal, and what was done to whom."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text


@dataclass(frozen=True)
class Run:
    """A row of the ledger."""

    id: uuid.UUID
    job: str
    schedule_id: uuid.UUID | None
    scheduled_for: datetime
    state: str
    created_at: datetime


@dataclass(frozen=True)
class Attempt:
    """One try, as the ledger has it."""

    run_id: uuid.UUID
    number: int
    state: str
    pid: int
    started_at: datetime
    finished_at: datetime | None
    error: str | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the journal: what a callable has said of itself."""

    word: str
    """START; END just before it returns; FAIL just before it raises."""
    run_id: uuid.UUID
    attempt: int
    pid: int
    at: datetime


@dataclass(frozen=True)
class Touch:
    """A process was killed or frozen, or its parent was."""

    pid: int
    at: datetime


@dataclass(frozen=True)
class Span:
    """PostgreSQL was away, or every beat."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    runs: Sequence[Run]
    attempts: Sequence[Attempt]
    journal: Sequence[Entry]
    touches: Sequence[Touch] = ()
    outages: Sequence[Span] = ()
    answers: Mapping[str, uuid.UUID] | None = None
    """What clients were told, by request key; None: not looked at."""


_RUNS = text("""
    SELECT r.id, j.name AS job, r.schedule_id, r.scheduled_for, r.state, r.created_at
      FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id
     ORDER BY r.created_at
""")
_ATTEMPTS = text("""
    SELECT run_id, number, state, pid, started_at, finished_at, error
      FROM jobrunner.attempts ORDER BY run_id, number
""")


def read_evidence(
    engine: Engine,
    journal: Path,
    *,
    touches: Sequence[Touch] = (),
    outages: Sequence[Span] = (),
    answers: Path | None = None,
) -> Evidence:
    """As one moment would have it, while everything goes on.

    The journal is read before and after the ledger: what it had before, the ledger must know; what
    the ledger says of a call, it must have afterwards.
    """
    before = len(read_journal(journal))
    told = None if answers is None else read_answers(answers)
    with engine.begin() as connection:
        # The other way round: an attempt is of a run that is there.
        attempts = tuple(Attempt(**row) for row in connection.execute(_ATTEMPTS).mappings())
        runs = tuple(Run(**row) for row in connection.execute(_RUNS).mappings())
    known = {(attempt.run_id, attempt.number) for attempt in attempts}
    entries = tuple(
        entry
        for number, entry in enumerate(read_journal(journal))
        if number < before or (entry.run_id, entry.attempt) in known
    )
    return Evidence(runs, attempts, entries, tuple(touches), tuple(outages), told)


def read_journal(file: Path) -> tuple[Entry, ...]:
    """In the order in which it was written."""
    return tuple(_entry(*line.split()) for line in _lines(file))


def _entry(word: str, run_id: str, attempt: str, pid: str, at: str) -> Entry:
    moment = datetime.fromtimestamp(float(at), UTC)
    return Entry(word, uuid.UUID(run_id), int(attempt), int(pid), moment)


def read_answers(file: Path) -> dict[str, uuid.UUID]:
    """By request key; a client that was killed may have left half a line at its end."""
    pairs = (line.split() for line in _lines(file))
    return {pair[0]: uuid.UUID(pair[1]) for pair in pairs if len(pair) == 2 and len(pair[1]) == 36}


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").splitlines() if file.exists() else []
