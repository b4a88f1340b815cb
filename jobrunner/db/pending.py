"""Plans that a watcher does not apply by itself: left for a person to look at, and to approve by digest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.errors import NotFound, StalePlan
from jobrunner.plan.notifiers import NotifierChange, notifier_from_json


@dataclass(frozen=True, slots=True)
class PendingPlan:
    """What the files of a project would change."""

    project: str
    digest: str
    plan: Mapping[str, Any]
    """As `Plan.as_json` has it."""
    reason: str
    """Why it waits."""
    made_by: str
    made_at: datetime
    approved_by: str | None
    """None: nobody has approved this digest; otherwise it is applied at once."""
    approved_at: datetime | None

    @property
    def notifiers(self) -> tuple[NotifierChange, ...]:
        """Those that it changes."""
        return tuple(map(notifier_from_json, self.plan.get("notifiers", ())))


_READ = """
    SELECT p.name AS project, w.digest, w.plan, w.reason, w.made_by, w.made_at, w.approved_by,
           w.approved_at
      FROM jobrunner.pending_plans AS w JOIN jobrunner.projects AS p ON p.id = w.project_id
"""
_READ_ALL = text(f"{_READ} ORDER BY p.name")
_READ_APPROVED = text(f"{_READ} WHERE p.name = :project AND w.approved_by IS NOT NULL")


def read_pending(connection: Connection) -> tuple[PendingPlan, ...]:
    """All of them, by project."""
    return tuple(PendingPlan(**row) for row in connection.execute(_READ_ALL).mappings())


def approved_plan(connection: Connection, project: str) -> PendingPlan | None:
    """The one that somebody has approved; None while nobody has."""
    row = connection.execute(_READ_APPROVED, {"project": project}).mappings().one_or_none()
    return None if row is None else PendingPlan(**row)


# The same plan again is the same row, with its approval: that of another plan is not for this one.
_LEAVE = text("""
    INSERT INTO jobrunner.pending_plans AS w (project_id, digest, plan, reason, made_by)
    SELECT id, :digest, CAST(:plan AS jsonb), :reason, :made_by
      FROM jobrunner.projects WHERE name = :project
        ON CONFLICT (project_id) DO UPDATE
       SET digest = excluded.digest, plan = excluded.plan, reason = excluded.reason,
           made_by = excluded.made_by, made_at = statement_timestamp(),
           approved_by = NULL, approved_at = NULL
     WHERE (w.digest, w.reason) IS DISTINCT FROM (excluded.digest, excluded.reason)
""")


def leave_pending(
    connection: Connection,
    *,
    project: str,
    digest: str,
    plan: Mapping[str, Any],
    reason: str,
    made_by: str,
) -> None:
    """Leave the project's plan for a person, in place of an earlier one.

    Nothing is left of a project that was never applied: its first apply is a person's.
    """
    values = {"project": project, "digest": digest, "reason": reason, "made_by": made_by}
    connection.execute(_LEAVE, {**values, "plan": json.dumps(plan)})


_CLEAR = text("""
    DELETE FROM jobrunner.pending_plans AS w USING jobrunner.projects AS p
     WHERE p.id = w.project_id AND p.name = :project
""")


def clear_pending(connection: Connection, project: str) -> None:
    """Nothing waits any more."""
    connection.execute(_CLEAR, {"project": project})


_APPROVE = text("""
    UPDATE jobrunner.pending_plans AS w
       SET approved_by = coalesce(approved_by, :by),
           approved_at = coalesce(approved_at, statement_timestamp())
      FROM jobrunner.projects AS p
     WHERE p.id = w.project_id AND p.name = :project AND w.digest = :digest
""")
_DIGEST = text("""
    SELECT w.digest FROM jobrunner.pending_plans AS w JOIN jobrunner.projects AS p ON p.id = w.project_id
     WHERE p.name = :project
""")


def approve_pending(connection: Connection, project: str, digest: str, *, by: str) -> None:
    """The plan of exactly this digest may be applied. Raises NotFound, and StalePlan for another digest."""
    values = {"project": project, "digest": digest, "by": by}
    if connection.execute(_APPROVE, values).rowcount:
        return
    now = connection.execute(_DIGEST, {"project": project}).scalar()
    if now is None:
        raise NotFound(
            f"No plan of project {project} waits for an approval.",
            hint="It may have been applied by now; `jobrunner history` shows what was.",
        )
    raise StalePlan(
        f"The plan that waits is another one by now: its digest is {now}, not {digest}. "
        "Nothing was approved.",
        hint="Look at what it changes, and approve that.",
    )


_REFUSE = text("""
    UPDATE jobrunner.pending_plans AS w SET approved_by = NULL, approved_at = NULL, reason = :reason
      FROM jobrunner.projects AS p
     WHERE p.id = w.project_id AND p.name = :project AND w.digest = :digest
""")


def end_approval(connection: Connection, project: str, digest: str, *, reason: str) -> None:
    """An approval was not enough: the plan waits again, for this reason."""
    values = {"project": project, "digest": digest, "reason": reason}
    connection.execute(_REFUSE, values)
