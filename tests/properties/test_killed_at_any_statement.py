"""An apply that ends at any of its statements has done all or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from jobrunner.db.engine import make_engine, transaction
from jobrunner.errors import DatabaseUnavailable
from jobrunner.spec.models import Location
from jobrunner.spec.project import DefinedNotifier, Move
from tests.properties.rows import all_rows
from tests.reconcile.acme import Reconciler, make_job

_BEFORE = [
    make_job("a/edited", schedules=[{"every": "1h"}, {"name": "night", "cron": "0 3 * * *"}]),
    make_job("a/deleted", schedules=[{"every": "1h"}]),
    make_job("a/old-name", schedules=[{"every": "1h"}]),
    make_job("a/stays", line=3),
]
_AFTER = [
    make_job("a/edited", queue="other", schedules=[{"every": "2h"}]),
    make_job("a/created", schedules=[{"cron": "H 5 * * *", "jitter": "5m"}]),
    make_job("a/new-name", schedules=[{"every": "1h"}]),
    make_job("a/stays", line=9),
]
_MOVES = [Move(old="a/old-name", new="a/new-name", location=_BEFORE[0].location)]
_PLACE = Location(file="jobrunner.yaml", line=3)
_ADDRESSED = {
    "edited": DefinedNotifier("https://a.example", _PLACE),
    "removed": DefinedNotifier("https://b.example", _PLACE),
}
_TO_ADDRESS = {
    "edited": DefinedNotifier("https://c.example", _PLACE),
    "added": DefinedNotifier({"secret": "env:HOOK"}, _PLACE),
}
_MAKE_DUE = """
    UPDATE jobrunner.schedules SET next_run_at = next_run_at - interval '1 hour',
           next_scheduled_for = next_scheduled_for - interval '1 hour'
     WHERE next_run_at IS NOT NULL
"""
"""So that the apply dispatches, too."""
_AT_LEAST = 20
"""Statements that this apply has; with fewer it is not the one that was meant."""
_KILL = text("SELECT pg_terminate_backend(:pid, 5000)")


class _Killer:
    """Ends the server's process of a connection when its statement number `at` is about to be sent."""

    def __init__(self, admin: Engine, at: int) -> None:
        self._admin, self._at = admin, at
        self.statements = 0
        self.has_killed = False

    def count(self, connection: Any, *_: Any) -> None:
        self.statements += 1
        if self.statements != self._at:
            return
        self.has_killed = True
        pid = connection.connection.dbapi_connection.info.backend_pid
        with transaction(self._admin) as other:
            assert other.execute(_KILL, {"pid": pid}).scalar_one()


@contextmanager
def _killed_at(url: str, at: int) -> Iterator[tuple[Engine, _Killer]]:
    """An engine whose connection dies at that statement; its commit is the last."""
    engine = make_engine(url, application_name="jobrunner victim", pool_size=1)
    admin = make_engine(url, application_name="jobrunner killer", pool_size=1)
    killer = _Killer(admin, at)
    event.listen(engine, "before_cursor_execute", killer.count)
    event.listen(engine, "commit", killer.count)
    try:
        yield engine, killer
    finally:
        engine.dispose()
        admin.dispose()


def _is_killed(url: str, at: int) -> bool:
    with _killed_at(url, at) as (engine, killer):
        try:
            Reconciler(engine).apply(*_AFTER, moves=_MOVES, notifiers=_TO_ADDRESS)
        except DatabaseUnavailable:
            assert killer.has_killed
        return killer.has_killed


def test_fault_63_an_apply_killed_at_any_statement_leaves_what_was_there(
    acme: Reconciler, database_url: str
) -> None:
    acme.apply(*_BEFORE, notifiers=_ADDRESSED)
    acme.execute(_MAKE_DUE)
    before = all_rows(acme.engine)

    survived = 0
    while _is_killed(database_url, survived + 1):
        survived += 1
        assert all_rows(acme.engine) == before, f"statement {survived}"

    assert survived > _AT_LEAST
    addresses = {row["address"] for row in acme.in_force()}
    assert addresses == {"a/created", "a/edited", "a/new-name", "a/stays"}
    notifiers = acme.query("SELECT name FROM jobrunner.notifiers")
    assert {row["name"] for row in notifiers} == {"added", "edited"}
