"""Every exception of the product, one exit code a family.

    JobrunnerError                 1  something failed; the message says what to do next
    ├── ConfigurationError         1  the files are wrong (carries diagnostics)
    ├── DatabaseUnavailable        1  PostgreSQL cannot be reached
    │   └── DatabaseBusy           1  it was reached and gave up: a time-out, a deadlock
    ├── SchemaMismatch             1  the database is older or newer than this version
    │   └── SchemaBehind           1  it is older, or new: an upgrade helps
    ├── BrokerUnavailable          1  the broker cannot be reached
    ├── EmbeddedServerError        1  a private PostgreSQL or Redis did not start
    ├── NotFound                   1  an address, run or revision that does not exist
    ├── Conflict                   1  the object's state does not allow the action
    ├── CallableError              1  a dotted path cannot be loaded or may not be
    ├── StalePlan                  3  the database moved on, or the digest differs
    ├── GuardRefused               4  a guard said no; the message names the flag that overrides
    ├── AccessDenied               1  the credentials are missing, wrong or not enough
    ├── ServerUnavailable          1  the REST server cannot be reached, or is busy
    ├── NotSent                    1  a message could not be sent, or was not taken
    ├── LockNotObtained            5  somebody else holds the apply lock
    └── UsageError                64  the command line itself is wrong

A message is a sentence: what is wrong, where, and what to type next (`hint`).
Only `cli/output.py` prints them and only `cli/main.py` turns them into exit codes.
"""

from collections.abc import Sequence


class JobrunnerError(Exception):
    """Base of all; `hint` is the line a user can act on, '' when the message says it all."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(JobrunnerError):
    """The files cannot be used. `diagnostics` are `spec.diagnostics.Diagnostic` values, in file order."""

    def __init__(self, message: str, *, diagnostics: Sequence[object] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = tuple(diagnostics)


class DatabaseUnavailable(JobrunnerError):
    """PostgreSQL does not answer. Names host and database, never the password."""


class DatabaseBusy(DatabaseUnavailable):
    """PostgreSQL has ended a transaction that may succeed at the next try. Nothing was changed."""


class SchemaMismatch(JobrunnerError):
    """The database is at a revision this version cannot work with."""


class SchemaBehind(SchemaMismatch):
    """An upgrade helps: the database has no tables yet, or older ones."""


class BrokerUnavailable(JobrunnerError):
    """The broker does not answer. Names host, never the password."""


class EmbeddedServerError(JobrunnerError):
    """A private server did not start; the message quotes the end of its log."""


class NotFound(JobrunnerError):
    """No such job, schedule, run or revision."""


class Conflict(JobrunnerError):
    """The state of the object does not allow what was asked."""


class CallableError(JobrunnerError):
    """A dotted path that cannot be loaded (`kind='missing' | 'import'`), may not be (`'refused'`), or
    cannot take the arguments it is given (`'arguments'`). Or a secret among these may not be opened
    (`'refused'`), or cannot be (`'secret'`).
    """

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class StalePlan(JobrunnerError):
    """What the plan was made from is no longer what the database holds."""

    exit_code = 3


class GuardRefused(JobrunnerError):
    """A guard against accidents said no; `reason` says why, without what became of it."""

    exit_code = 4

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{reason} Nothing was changed.", hint=hint)
        self.reason = reason


class AccessDenied(JobrunnerError):
    """Nobody, or not he. `is_known`: the caller is somebody, and may not do this."""

    def __init__(self, message: str, *, is_known: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.is_known = is_known


class ServerUnavailable(JobrunnerError):
    """A `jobrunner web` that does not answer, or asks to come back later."""


class NotSent(JobrunnerError):
    """A message has not arrived, as far as anybody knows."""


class LockNotObtained(JobrunnerError):
    """Another apply holds the project's lock."""

    exit_code = 5


class UsageError(JobrunnerError):
    """The command line is wrong in itself."""

    exit_code = 64


def first_line(error: BaseException) -> str:
    """What any exception says, in one line; of a database error the server's words alone."""
    told = str(getattr(error, "orig", None) or error).strip()
    return told.partition("\n")[0] or type(error).__name__
