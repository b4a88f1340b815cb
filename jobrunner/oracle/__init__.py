"""When a schedule must have been due, found by looking: what `fsck` judges the ledger by.

Slow and plain on purpose, and a stranger to `schedule`, which it checks: it reads a schedule's stored
JSON by itself, shares no line with the code that fired it, and asks the zone's clock about each
single time. Due times of a span are its only answer.
"""

from jobrunner.oracle.due import Oracle, due_times, make_oracle

__all__ = ["Oracle", "due_times", "make_oracle"]
