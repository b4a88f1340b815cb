"""What a hand may do to schedules in the database."""

import json
from typing import Any

from sqlalchemy import Engine, text


def execute(engine: Engine, statement: str, **values: Any) -> list[dict[str, Any]]:
    """What a hand does in the database; the rows that come back."""
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []


def spoil(engine: Engine, job: str, spec: object) -> None:
    execute(
        engine,
        "UPDATE jobrunner.schedules AS s SET spec = CAST(:spec AS jsonb)"
        "  FROM jobrunner.jobs AS j WHERE j.id = s.job_id AND j.name = :job",
        job=job,
        spec=json.dumps(spec),
    )


def errors(engine: Engine) -> dict[str, str]:
    """Jobs with a schedule in error, and what is said of it."""
    rows = execute(
        engine,
        "SELECT j.name, s.error FROM jobrunner.schedules AS s"
        "  JOIN jobrunner.jobs AS j ON j.id = s.job_id WHERE s.error IS NOT NULL",
    )
    return {row["name"]: row["error"] for row in rows}
