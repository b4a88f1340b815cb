"""What went wrong → incidents → messages that are owed."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine

from jobrunner.alerts.incidents import Again, Kind, Opened, decide
from jobrunner.alerts.message import Message
from jobrunner.crash_points import reach
from jobrunner.db import incidents
from jobrunner.db.engine import transaction
from jobrunner.db.incidents import Recovered
from jobrunner.db.notifications import add_notification

BATCH_RUNS = 1_000
_BATCH_INCIDENTS = 1_000


def look(engine: Engine) -> int:
    """Open incidents, count them up and close them, in one transaction; how many there were.

    While another beat looks it does nothing: one message is owed, not one for each beat.
    """
    with transaction(engine) as connection:
        if not incidents.may_look(connection):
            return 0
        incidents.end_moot_incidents(connection)
        wrong = incidents.judge_ended_runs(connection, limit=BATCH_RUNS)
        wrong += incidents.slow_runs(connection)
        newest = incidents.newest_incidents(connection, {one.job_id for one in wrong})
        decided = decide(wrong, newest)
        for one in decided:
            _carry_out(connection, one)
        recovered = incidents.close_recovered(connection, limit=_BATCH_INCIDENTS)
        for one_more in recovered:
            _tell_of_recovery(connection, one_more)
        reach("incidents_judged")
    return len(decided) + len(recovered)


def _carry_out(connection: Connection, decided: Opened | Again) -> None:
    match decided:
        case Opened(first=first):
            incident_id, seen = incidents.open_incident(connection, decided), first
        case Again(incident_id=incident_id, seen=seen):
            incidents.count_again(connection, decided)
    _tell(
        connection,
        incident_id,
        decided.to,
        event="opened",
        kind=seen.kind,
        job_id=seen.job_id,
        run_id=seen.run_id,
        since=seen.at,
        occurred=max(decided.occurred, 1),
    )


def _tell_of_recovery(connection: Connection, recovered: Recovered) -> None:
    _tell(
        connection,
        recovered.id,
        recovered.to,
        event="recovered",
        kind=recovered.kind,
        job_id=recovered.job_id,
        run_id=recovered.run_id,
        since=recovered.opened_at,
        occurred=recovered.occurred,
    )


def _tell(
    connection: Connection,
    incident_id: int,
    to: Iterable[str],
    *,
    event: Literal["opened", "recovered"],
    kind: Kind,
    job_id: uuid.UUID,
    run_id: uuid.UUID,
    since: datetime,
    occurred: int,
) -> None:
    notifiers = sorted(to)
    if not notifiers:
        return
    facts = incidents.read_facts(connection, job_id, run_id)
    for notifier in notifiers:
        message = Message(
            id=uuid.uuid4(),
            event=event,
            kind=kind,
            since=since,
            occurred=occurred,
            about=facts.job,
            run=facts.run,
        )
        add_notification(connection, incident_id, (facts.project_id, notifier), message)
