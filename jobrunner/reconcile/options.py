"""What an apply is told beside what to apply."""

from dataclasses import dataclass

from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.sealing import NO_KEYS, Keyring

LOCK_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """Who applies, and what has been agreed to."""

    author: str
    git_commit: str | None = None
    """None outside a git work tree."""
    git_dirty: bool = False
    expected_digest: str = ""
    """Of the plan that was looked at; '' applies whatever the plan is now."""
    allow_deletes: int | None = None
    """As many deletions are meant; None: see `plan.guards`."""
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    targets: Targets = EVERY_JOB
    keyring: Keyring = NO_KEYS
    """Seals sensitive arguments."""
