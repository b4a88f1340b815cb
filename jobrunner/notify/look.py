"""What went wrong → incidents → messages that are owed."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine

from jobrunner.alerts.incidents import Again, Kind, Opened, decide
from jobrunner.alerts.message import Message
from jobrunner.crash_points import reach
from jobrunner.db import incidents
from jobrunner.db.engine import transaction
from jobrunner.db.incidents import Facts, Recovered
from jobrunner.db.notifications import Owed, add_notifications

_BATCH_RUNS = 500
_BATCH_INCIDENTS = 500


@dataclass(frozen=True, slots=True)
class _News:
    """What is to be told of an incident, and to whom."""

    incident_id: int
    event: Literal["opened", "recovered"]
    kind: Kind
    job_id: uuid.UUID
    run_id: uuid.UUID
    since: datetime
    occurred: int
    to: frozenset[str]


def look(engine: Engine) -> int:
    """Open incidents, count them up and close them, in one transaction; of how many there is news.

    While another beat looks it does nothing: one message is owed, not one for each beat.
    """
    with transaction(engine) as connection:
        if not incidents.may_look(connection):
            return 0
        incidents.end_moot_incidents(connection)
        wrong = incidents.judge_ended_runs(connection, limit=_BATCH_RUNS)
        wrong += incidents.slow_runs(connection)
        newest = incidents.newest_incidents(connection, {one.job_id for one in wrong})
        news = _carry_out(connection, decide(wrong, newest))
        _owe(connection, news)
        recovered = incidents.close_recovered(connection, limit=_BATCH_INCIDENTS)
        _owe(connection, [_of_recovery(one) for one in recovered])
        if news or recovered:
            reach("incidents_judged")
    return len(news) + len(recovered)


def _carry_out(connection: Connection, decided: Sequence[Opened | Again]) -> list[_News]:
    opened = [one for one in decided if isinstance(one, Opened)]
    again = [one for one in decided if isinstance(one, Again)]
    if again:
        incidents.count_again(connection, again)
    ids = incidents.open_incidents(connection, opened) if opened else {}
    return [
        *(_of_opening(ids[one.first.key], one) for one in opened),
        *(_of_going_on(one) for one in again),
    ]


def _of_opening(incident_id: int, opened: Opened) -> _News:
    first = opened.first
    return _News(
        incident_id, "opened", first.kind, first.job_id, first.run_id, first.at, opened.occurred,
        opened.to,
    )  # fmt: skip


def _of_going_on(again: Again) -> _News:
    seen, occurred = again.seen, max(again.occurred, 1)
    return _News(
        again.incident_id, "opened", seen.kind, seen.job_id, seen.run_id, seen.at, occurred, again.to
    )  # fmt: skip


def _of_recovery(over: Recovered) -> _News:
    return _News(
        over.id, "recovered", over.kind, over.job_id, over.run_id, over.opened_at, over.occurred,
        over.to,
    )  # fmt: skip


def _owe(connection: Connection, news: Sequence[_News]) -> None:
    told = [one for one in news if one.to]
    if told:
        facts = incidents.read_facts(connection, {(one.job_id, one.run_id) for one in told})
        owed = [m for one in told for m in _messages(one, facts[one.job_id, one.run_id])]
        add_notifications(connection, owed)


def _messages(news: _News, facts: Facts) -> Iterator[Owed]:
    for notifier in sorted(news.to):
        message = Message(
            id=uuid.uuid4(),
            event=news.event,
            kind=news.kind,
            since=news.since,
            occurred=news.occurred,
            about=facts.job,
            run=facts.run,
        )
        yield Owed(news.incident_id, (facts.project_id, notifier), message)
