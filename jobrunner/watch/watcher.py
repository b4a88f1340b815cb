"""When the files are settled, and what becomes of them: one look at a time, on a clock of the caller."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import DBAPIError

from jobrunner.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnavailable,
    GuardRefused,
    JobrunnerError,
    LockNotObtained,
    SchemaMismatch,
    UsageError,
    first_line,
)
from jobrunner.reconcile import Applied
from jobrunner.spec.diagnostics import Diagnostic

_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 5.0
_FASTEST_POLL_SECONDS = 0.5
_MISTAKE_AGAIN_SECONDS = 2.0
"""A person who has written the job before its function writes the function now."""
_POLL_SHARE = 10
"""Polling, and trying mistakes again, takes at most this fraction of the time."""
_UNFINISHED_SETTLES = 10
"""A file may be held open for good, and some file systems cannot tell: it is waited for, not for ever."""
_LOCK_TOLD_SECONDS = 10.0
"""No checkout of job files takes this long; a git that was killed leaves its lock behind."""


class ConfigState(StrEnum):
    """What has become of the newest content of the files."""

    STARTING = "starting"
    IN_FORCE = "in_force"
    INVALID = "invalid"
    """Mistakes; the last good state stays in force until the next good save."""
    REFUSED = "refused"
    """A guard has said no; a person has to apply it, or to undo the change."""
    WAITING = "waiting"
    """The database is away or locked; it is tried again."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How the watcher goes about it."""

    settle_seconds: float = 0.5
    """The content stays the same for this long before it counts."""
    resync_seconds: float = 30.0
    """Everything is read anew this often, whatever events have said."""
    poll: bool = False
    """Hear no events; look again and again."""
    dry_run: bool = False
    """Plan and show, apply nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of all files."""

    content_hash: str
    seconds: float
    """How long the reading took."""
    git_lock: str = ""
    """The lock that git holds now, for a checkout is under way; '' while there is none."""
    is_unfinished: bool = False
    """Somebody has a file open for writing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a settled content."""

    state: ConfigState
    applied: Applied | None = None
    """With state `in_force`."""
    error: JobrunnerError | None = None
    """With every other state."""

    @property
    def message(self) -> str:
        """The error in one line; '' when there is none."""
        return "" if self.error is None else self.error.message

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """With state `invalid`: the mistakes, in file order."""
        given = getattr(self.error, "diagnostics", ())
        return tuple(one for one in given if isinstance(one, Diagnostic) and one.is_error)

    @property
    def story(self) -> tuple[ConfigState, str, tuple[Diagnostic, ...]]:
        """What a person would be told: the same story is told once."""
        return self.state, self.message, self.diagnostics


Reconcile = Callable[[], Applied]
"""Apply what the last look has found."""


class Watcher:
    """Looks, waits until it is quiet, applies; never deletes for what it cannot read."""

    def __init__(
        self,
        *,
        look: Callable[[], Look],
        reconcile: Reconcile,
        report: Callable[[Outcome], None],
        options: WatchOptions,
    ) -> None:
        self._look = look
        self._reconcile = reconcile
        self._report = report
        self._options = options
        self._handled: str | None = None
        """The content that has its outcome; None before the first."""
        self._candidate: str | None = None
        self._candidate_since = 0.0
        self._locked_since: float | None = None
        self._retry_at: float | None = None
        self._failures = 0
        self.outcome = Outcome(ConfigState.STARTING)

    def run_once(self, now: float, *, polls: bool = False) -> float:
        """One look at the monotonic time `now`; the seconds until the next one is due.

        `polls`: nobody will call when something changes.
        """
        seen = self._look()
        if seen.content_hash == self._handled and not self._is_retry_due(now):
            self._candidate = None
            return self._rest(now, seen, polls=polls)
        left = self._settle(now, seen)
        if left > 0:
            return left
        self._handle(seen, now)
        return self._rest(now, seen, polls=polls)

    def retry_now(self) -> None:
        """Something has happened for which the same content may have another outcome."""
        self._retry_at = 0.0

    def _is_retry_due(self, now: float) -> bool:
        return self._retry_at is not None and now >= self._retry_at

    def _settle(self, now: float, seen: Look) -> float:
        """The seconds until this content has been the same for long enough; 0: it has."""
        settle_seconds = self._options.settle_seconds
        if seen.git_lock:
            self._candidate = None
            self._tell_lock(now, seen.git_lock)
            return settle_seconds
        self._locked_since = None
        if seen.content_hash == self._handled:
            return 0.0
        if self._handled is None and not seen.is_unfinished:
            return 0.0
        if seen.content_hash != self._candidate:
            self._candidate, self._candidate_since = seen.content_hash, now
            return settle_seconds
        factor = _UNFINISHED_SETTLES if seen.is_unfinished else 1
        # It is looked at again soon, for it may be finished soon.
        return min(self._candidate_since + factor * settle_seconds - now, settle_seconds)

    def _tell_lock(self, now: float, git_lock: str) -> None:
        if self._locked_since is None:
            self._locked_since = now
        if now - self._locked_since < _LOCK_TOLD_SECONDS:
            return
        self._retry_at = now  # whatever the content is then, its outcome is told after the lock
        error = JobrunnerError(
            f"Git holds its lock {git_lock} for longer than {_LOCK_TOLD_SECONDS:.0f} s.",
            hint="If no git is at work there, remove the file.",
        )
        self._conclude(Outcome(ConfigState.WAITING, error=error))

    def _rest(self, now: float, seen: Look, *, polls: bool) -> float:
        seconds = self._options.resync_seconds
        if polls or self._options.poll:
            seconds = min(seconds, max(_FASTEST_POLL_SECONDS, _POLL_SHARE * seen.seconds))
        if self._retry_at is not None:
            seconds = min(seconds, max(self._retry_at - now, 0.0))
        return seconds

    def _handle(self, seen: Look, now: float) -> None:
        begun = time.monotonic()
        outcome = self._try()
        took_seconds = seen.seconds + time.monotonic() - begun
        self._handled, self._candidate = seen.content_hash, None
        self._plan_retry(outcome.state, now, took_seconds)
        self._conclude(outcome)

    def _conclude(self, outcome: Outcome) -> None:
        was, self.outcome = self.outcome, outcome
        has_changed = outcome.applied is not None and not outcome.applied.plan.is_empty
        if has_changed or outcome.story != was.story:
            self._report(outcome)

    def _try(self) -> Outcome:
        try:
            applied = self._reconcile()
        except (ConfigurationError, UsageError) as error:  # UsageError: keys that cannot seal, say
            return Outcome(ConfigState.INVALID, error=error)
        except (GuardRefused, Conflict) as error:
            return Outcome(ConfigState.REFUSED, error=error)
        except (DatabaseUnavailable, LockNotObtained, SchemaMismatch) as error:
            return Outcome(ConfigState.WAITING, error=error)
        except DBAPIError as error:
            # A deadlock, a time-out: whatever it is, the next try may do.
            told = JobrunnerError(f"The database has refused it: {first_line(error)}")
            return Outcome(ConfigState.WAITING, error=told)
        return Outcome(ConfigState.IN_FORCE, applied)

    def _plan_retry(self, state: ConfigState, now: float, took_seconds: float) -> None:
        """A person may have applied what was refused; a database may be back; and what a mistake
        lies in need not be a file that is watched.
        """
        match state:
            case ConfigState.WAITING:
                pause = min(_FIRST_RETRY_SECONDS * 2**self._failures, _LONGEST_RETRY_SECONDS)
                self._failures += 1
                self._retry_at = now + pause
            case ConfigState.INVALID:
                pause = max(_MISTAKE_AGAIN_SECONDS, _POLL_SHARE * took_seconds)
                self._retry_at = now + min(pause, self._options.resync_seconds)
            case ConfigState.REFUSED:
                self._retry_at = now + self._options.resync_seconds
            case _:
                self._failures = 0
                self._retry_at = None
