"""Files → plan → rows. `plan` stops before the write, `apply` goes on, `watch` applies again and again.

`jobrunner/desired.py` says what the files want, `rolling_back.py` what a revision wanted, `planning.py`
compares it with what is in force, `guarding.py` asks whether that is meant, `applying.py` holds the
transaction together, `writing.py` carries the plan out.
"""

from jobrunner.desired import Desired, read_desired, understand
from jobrunner.reconcile.api_owned import ApiEdit
from jobrunner.reconcile.applying import Applied, apply_project, apply_within
from jobrunner.reconcile.guarding import check_wanted, with_refusal
from jobrunner.reconcile.options import LOCK_TIMEOUT_SECONDS, ApplyOptions
from jobrunner.reconcile.planning import (
    Compared,
    compare,
    plan_against,
    plan_project,
    plan_saved,
    reading,
)
from jobrunner.reconcile.rolling_back import (
    Drift,
    Rollback,
    compare_rollback,
    find_drift,
    plan_rollback,
)
from jobrunner.reconcile.wanted import Wanted, plan_wanted, project_name, rolled_back_to

__all__ = [
    "LOCK_TIMEOUT_SECONDS",
    "ApiEdit",
    "Applied",
    "ApplyOptions",
    "Compared",
    "Desired",
    "Drift",
    "Rollback",
    "Wanted",
    "apply_project",
    "apply_within",
    "check_wanted",
    "compare",
    "compare_rollback",
    "find_drift",
    "plan_against",
    "plan_project",
    "plan_rollback",
    "plan_saved",
    "plan_wanted",
    "project_name",
    "read_desired",
    "reading",
    "rolled_back_to",
    "understand",
    "with_refusal",
]
