"""What runs have printed and logged, in pieces. One run's attempt writes its own rows only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

CLEAN_UP_ATTEMPT = 30_000
"""What `on_end` writes is kept with its run, after all attempts: under this number plus its try."""


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """A part of what an attempt has printed and logged."""

    attempt: int
    sequence: int
    written_at: datetime
    text: str


# In one statement: the new pieces, and the old ones that they push out. A piece that is already
# there is written anew: the notice of what was cut, or one whose first writing was not confirmed.
_WRITE = text("""
    WITH dropped AS (
        DELETE FROM jobrunner.run_logs
         WHERE run_id = :run_id AND attempt = :attempt AND sequence = ANY(CAST(:drop AS int[]))
    )
    INSERT INTO jobrunner.run_logs (run_id, attempt, sequence, text)
    SELECT :run_id, :attempt, piece.sequence, piece.text
      FROM unnest(CAST(:sequences AS int[]), CAST(:texts AS text[])) AS piece (sequence, text)
        ON CONFLICT (run_id, attempt, sequence) DO UPDATE SET text = excluded.text
""")


def write_pieces(
    connection: Connection,
    run_id: uuid.UUID,
    attempt: int,
    pieces: Sequence[tuple[int, str]],
    *,
    drop: Sequence[int] = (),
) -> None:
    """Add `pieces`, each its number and its text, and delete those numbered `drop`.

    Numbers order the pieces; a gap is a part that was cut. Writing a piece twice is harmless.
    """
    connection.execute(
        _WRITE,
        {
            "run_id": run_id,
            "attempt": attempt,
            "drop": list(drop),
            "sequences": [number for number, _ in pieces],
            "texts": [part for _, part in pieces],
        },
    )


_READ = text("""
    SELECT attempt, sequence, written_at, text
      FROM jobrunner.run_logs
     WHERE run_id = :run_id
       AND (attempt, sequence) > (:after_attempt, :after_sequence)
     ORDER BY attempt, sequence
     LIMIT :limit
""")


def read_pieces(
    connection: Connection,
    run_id: uuid.UUID,
    *,
    after: tuple[int, int] = (0, -1),
    limit: int | None = None,
) -> tuple[StoredPiece, ...]:
    """The output of a run in order; `after` is (attempt, sequence) of the last piece seen."""
    values = {
        "run_id": run_id,
        "after_attempt": after[0],
        "after_sequence": after[1],
        "limit": limit,
    }
    return tuple(
        StoredPiece(row.attempt, row.sequence, row.written_at, row.text)
        for row in connection.execute(_READ, values)
    )
