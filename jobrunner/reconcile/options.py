"""What an apply is told beside what to apply."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.sealing import NO_KEYS, Keyring

LOCK_TIMEOUT_SECONDS = 30.0

IsAncestor = Callable[[str], bool | None]
"""Whether the commit that is checked out comes before this one; None where git does not know."""


def _not_known(_: str) -> bool | None:
    return None


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """Who applies, and what has been agreed to."""

    author: str
    git_commit: str | None = None
    """None outside a git work tree."""
    git_dirty: bool = False
    git_committed_at: datetime | None = None
    is_ancestor: IsAncestor = _not_known
    allow_older: bool = False
    """The files may be older than those that were applied last."""
    adopt: bool = False
    """What is in force for no environment may become that of the files."""
    expected_digest: str = ""
    """Of the plan that was looked at; '' applies whatever the plan is now."""
    allow_deletes: int | None = None
    """As many deletions are meant; None: see `plan.guards`."""
    allow_protected: tuple[str, ...] = ()
    """Protected jobs that may be deleted, by address."""
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    targets: Targets = EVERY_JOB
    keyring: Keyring = NO_KEYS
    """Seals sensitive arguments."""
