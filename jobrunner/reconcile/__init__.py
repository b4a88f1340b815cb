"""Files → plan → rows. `plan` stops before the write, `apply` goes on, `watch` applies again and again.

`desired.py` says what the files want, `planning.py` compares it with what is in force, `applying.py` holds
the transaction and its guards together, `writing.py` carries the plan out.
"""

from jobrunner.reconcile.applying import Applied, apply_project, apply_saved
from jobrunner.reconcile.desired import Desired, read_desired, understand
from jobrunner.reconcile.options import LOCK_TIMEOUT_SECONDS, ApplyOptions
from jobrunner.reconcile.planning import (
    Compared,
    compare,
    plan_against,
    plan_project,
    plan_saved,
    reading,
)

__all__ = [
    "LOCK_TIMEOUT_SECONDS",
    "Applied",
    "ApplyOptions",
    "Compared",
    "Desired",
    "apply_project",
    "apply_saved",
    "compare",
    "plan_against",
    "plan_project",
    "plan_saved",
    "read_desired",
    "reading",
    "understand",
]
