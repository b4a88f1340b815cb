"""Plans that wait for a person: what the files would change, and no watch applies by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class PendingPlan:
    """The newest one of a project."""

    project: str
    digest: str
    plan: Any
    """`Plan.as_json`."""
    reason: str
    made_by: str
    made_at: datetime
    approved_by: str | None
    approved_at: datetime | None


_READ = text("""
    SELECT p.name AS project, w.digest, w.plan, w.reason, w.made_by, w.made_at, w.approved_by,
           w.approved_at
      FROM jobrunner.pending_plans AS w JOIN jobrunner.projects AS p ON p.id = w.project_id
     ORDER BY p.name
""")


def read_pending_plans(connection: Connection) -> tuple[PendingPlan, ...]:
    """Of each project that has one, by its name."""
    return tuple(PendingPlan(**row) for row in connection.execute(_READ).mappings())
