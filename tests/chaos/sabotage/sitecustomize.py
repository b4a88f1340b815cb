"""Takes a protection of the product out, in each Python that finds this file: for `tests.chaos.proof`.

CHAOS_SABOTAGE names it. The product itself has no switch for it.
"""

import importlib
import os
import uuid
from collections.abc import Callable, Mapping

from sqlalchemy import text

from jobrunner.db.prepared import PreparedStatement


def _row_lock_and_ids() -> None:
    """The unique index is dropped by the proof itself."""
    _without("schedules", "_CLAIM_ANY_DUE", "FOR NO KEY UPDATE OF s SKIP LOCKED", "")
    tick = importlib.import_module("jobrunner.tick")
    vars(tick)["scheduled_run_id"] = lambda *_: str(uuid.uuid4())


def _claim_token() -> None:
    given = "CAST(CAST(:token AS text) AS uuid) IS NOT NULL"
    _without("attempts", "_READ_RUNNING", "runs.claim_token = :token", given)
    _without("attempts", "_FINISH", "runs.claim_token = :token", given)
    for name in ("_RENEW", "_WATCH"):
        _without("attempts", name, "runs.claim_token = held.token", "true")


def _idle_timeout() -> None:
    engine = importlib.import_module("jobrunner.db.engine")
    settings = engine._local_settings

    def without(limits: object) -> str:
        told: str = settings(limits)
        return f"{told}, set_config('idle_in_transaction_session_timeout', '0', true)"

    vars(engine)["_local_settings"] = without


def _without(module_name: str, name: str, old: str, new: str) -> None:
    module = importlib.import_module(f"jobrunner.db.{module_name}")
    statement = getattr(module, name)
    is_prepared = isinstance(statement, PreparedStatement)
    sql = (statement._text if is_prepared else statement).text
    if old not in sql:
        raise RuntimeError(f"{module_name}.{name} has no {old!r}: the proof has to follow it.")
    setattr(module, name, (PreparedStatement if is_prepared else text)(sql.replace(old, new)))


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "row lock, unique index and ids": _row_lock_and_ids,
    "claim token": _claim_token,
    "idle-in-transaction time-out": _idle_timeout,
}

if os.environ.get("CHAOS_SABOTAGE"):
    SABOTAGES[os.environ["CHAOS_SABOTAGE"]]()
