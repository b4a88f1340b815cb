"""What an apply can be of: the files, a saved plan, an earlier revision, or one job of the API."""

from datetime import datetime

from sqlalchemy import Connection

from jobrunner.db.projects import API_OWNER
from jobrunner.desired import Desired
from jobrunner.plan.changes import Plan
from jobrunner.plan.saved import SavedPlan
from jobrunner.reconcile.api_owned import ApiEdit, plan_edit
from jobrunner.reconcile.options import ApplyOptions
from jobrunner.reconcile.planning import plan_project, plan_saved
from jobrunner.reconcile.rolling_back import Rollback, plan_rollback

Wanted = Desired | SavedPlan | Rollback | ApiEdit


def project_name(wanted: Wanted) -> str:
    """Of which project it is."""
    match wanted:
        case Desired(project=project):
            return project.project
        case SavedPlan(current=current):
            return current.name
        case Rollback(project=name):
            return name
        case ApiEdit():
            return API_OWNER


def rolled_back_to(wanted: Wanted) -> int | None:
    """The revision that it goes back to; None for what comes from files or from the API."""
    match wanted:
        case Rollback(revision=revision):
            return revision
        case SavedPlan(origin=origin):
            return origin.rolled_back_to
        case Desired() | ApiEdit():
            return None


def plan_wanted(
    connection: Connection, wanted: Wanted, options: ApplyOptions, *, now: datetime | None = None
) -> Plan:
    """What it would change now. Raises what `plan_project`, `plan_saved`, `plan_rollback` and
    `plan_edit` do.
    """
    match wanted:
        case Desired():
            keyring, targets = options.keyring, options.targets
            return plan_project(connection, wanted, keyring=keyring, targets=targets, now=now)
        case SavedPlan():
            return plan_saved(connection, wanted, now=now)
        case Rollback():
            return plan_rollback(connection, wanted, targets=options.targets, now=now)
        case ApiEdit():
            return plan_edit(connection, wanted, now=now)
