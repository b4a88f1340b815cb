"""A change of a job of the API, in one transaction with its row in the audit: over REST and from Python."""

from sqlalchemy import Connection

from jobrunner.db import audit
from jobrunner.reconcile import ApiEdit, Applied, ApplyOptions, apply_within
from jobrunner.recording import record_due

_LOCK_TIMEOUT_SECONDS = 10.0


def carry_out(connection: Connection, wanted: ApiEdit, *, action: str, author: str) -> Applied:
    """Do it in the caller's transaction, which is to do little else; the beats are woken by its commit.

    `action` is what the audit calls it: `create`, `change`, … Raises what `reconcile.apply_within` does.
    """
    options = ApplyOptions(
        author=author,
        # One job alone, and the edit itself has asked.
        allow_deletes=1,
        allow_protected=(wanted.address,),
        lock_timeout_seconds=_LOCK_TIMEOUT_SECONDS,
    )
    applied = apply_within(connection, wanted, options=options, record_due=record_due)
    audit.record(
        connection,
        actor=author,
        action=f"schedule.{action}",
        target=wanted.address,
        details={"revision": applied.revision},
    )
    return applied
