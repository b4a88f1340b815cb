"""What changes of runs that are watched: one statement for all of them, as often as somebody looks."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class RunGlimpse:
    """What a listener may want to hear of a run."""

    state: str
    held: bool
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    is_cancelled: bool
    """It was told to end."""
    error: str | None
    progress: Any
    newest_piece: tuple[int, int]
    """(attempt, sequence) of the last piece of its output; (0, -1): there is none."""


_LOOK = text("""
    SELECT r.id, r.state, r.held, r.attempt, r.started_at, r.finished_at,
           r.cancel_requested_at IS NOT NULL AS is_cancelled, r.error, r.progress,
           coalesce(newest.attempt, 0) AS piece_attempt,
           coalesce(newest.sequence, -1) AS piece_sequence
      FROM jobrunner.runs AS r
      LEFT JOIN LATERAL (
             SELECT attempt, sequence FROM jobrunner.run_logs
              WHERE run_id = r.id ORDER BY attempt DESC, sequence DESC LIMIT 1) AS newest ON true
     WHERE r.id = ANY(CAST(:run_ids AS uuid[]))
""")


def look_at_runs(
    connection: Connection, run_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, RunGlimpse]:
    """Those of them that are there."""
    rows = connection.execute(_LOOK, {"run_ids": [str(run_id) for run_id in run_ids]})
    return {
        row.id: RunGlimpse(
            state=row.state,
            held=row.held,
            attempt=row.attempt,
            started_at=row.started_at,
            finished_at=row.finished_at,
            is_cancelled=row.is_cancelled,
            error=row.error,
            progress=row.progress,
            newest_piece=(row.piece_attempt, row.piece_sequence),
        )
        for row in rows
    }
