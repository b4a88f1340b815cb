"""`jobrunner alerts`: what is wrong, who was told of it, and whether a message arrives at all."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click

from jobrunner.alerts.message import Message
from jobrunner.cli.command import Group, make_command, output_option
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.layout import Column, Table, table_lines, text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.cli.style import style
from jobrunner.cli.which_project import project_name_of
from jobrunner.db import audit
from jobrunner.db.engine import transaction
from jobrunner.db.incidents import OpenIncident, incidents_now
from jobrunner.db.notifications import UnsentMessage, unsent_messages
from jobrunner.db.notifiers import read_notifiers
from jobrunner.errors import NotFound, NotSent
from jobrunner.notify.child import Assignment, check_settings
from jobrunner.notify.sending import send_now
from jobrunner.wording.times import distance, iso

_INCIDENT_COLUMNS = (
    Column("job", shrinks=True),
    Column("what"),
    Column("since", right=True),
    Column("times", right=True),
    Column("told", shrinks=True),
    Column("error", shrinks=True, hangs=True),
)
_UNSENT_COLUMNS = (
    Column("not sent to", shrinks=True),
    Column("what", shrinks=True),
    Column("made", right=True),
    Column("tries", right=True),
    Column("next"),
    Column("error", shrinks=True, hangs=True),
)


@make_command(
    "list",
    "What is wrong now with jobs that have alerts, and the messages that have not arrived.",
    examples=[
        ("jobrunner alerts list", "Since when, how often, who was told."),
        ("jobrunner alerts list -o json", "The same for programs."),
    ],
)
@click.option(
    "-n",
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="So many of each, the newest.",
)
@output_option
def list_command(session: Session, *, limit: int, form: Form) -> None:
    with open_database(session, "alerts") as engine, transaction(engine) as connection:
        incidents = incidents_now(connection, limit=limit)
        unsent = unsent_messages(connection, limit=limit)
    if form != "table":
        record = {
            "incidents": [_incident_record(one) for one in incidents],
            "unsent": [_unsent_record(one) for one in unsent],
        }
        session.output.document(record, form)
        return
    _show(session, incidents, unsent, datetime.now(UTC))


def _show(
    session: Session,
    incidents: Sequence[OpenIncident],
    unsent: Sequence[UnsentMessage],
    now: datetime,
) -> None:
    columns = session.output.columns
    if incidents:
        rows = [_incident_cells(one, now) for one in incidents]
        session.output.result(*table_lines(Table(_INCIDENT_COLUMNS, rows), columns))
    else:
        session.output.say("Nothing is wrong with the jobs that have `alerts`.")
    if unsent:
        rows = [_unsent_cells(one, now) for one in unsent]
        session.output.result("", *table_lines(Table(_UNSENT_COLUMNS, rows), columns))


def _incident_cells(incident: OpenIncident, now: datetime) -> list[str]:
    return [
        text(incident.address),
        style(f"✕ {incident.kind.replace('_', ' ')}", "bad"),
        distance(incident.opened_at, now),
        str(incident.occurred),
        text(", ".join(incident.told)) or style("nobody yet", "warn"),
        text(incident.error),
    ]


def _unsent_cells(message: UnsentMessage, now: datetime) -> list[str]:
    due = message.next_try_at
    next_try = style("given up", "bad") if due is None else distance(max(due, now), now)
    return [
        text(message.notifier),
        text(f"{message.address} {message.event}"),
        distance(message.created_at, now),
        str(message.tries),
        next_try,
        text(message.error),
    ]


def _incident_record(incident: OpenIncident) -> dict[str, object]:
    return {
        "job": incident.address,
        "kind": incident.kind,
        "opened_at": iso(incident.opened_at),
        "last_at": iso(incident.last_at),
        "occurred": incident.occurred,
        "run_id": incident.run_id and str(incident.run_id),
        "last_run_id": incident.last_run_id and str(incident.last_run_id),
        "error": incident.error,
        "told": list(incident.told),
    }


def _unsent_record(message: UnsentMessage) -> dict[str, object]:
    return {
        "id": str(message.message_id),
        "project": message.project,
        "notifier": message.notifier,
        "job": message.address,
        "kind": message.kind,
        "event": message.event,
        "created_at": iso(message.created_at),
        "tries": message.tries,
        "next_try_at": iso(message.next_try_at),
        "error": message.error,
    }


@make_command(
    "test",
    "Send a message to a notifier now, from here, and say what came back.\n\n"
    "NAME is one of the project's `notifiers`, as applied. The secret in its address is opened here, as "
    "beat does it where it runs: JOBRUNNER_SECRETS_ALLOW must list it. Exit code 1 when it was not taken.",
    examples=[("jobrunner alerts test oncall", "Does it arrive?")],
)
@click.argument("name")
def test_command(session: Session, *, name: str) -> None:
    settings = servers_of(session)
    check_settings(settings)
    with open_database(session, "alerts") as engine, transaction(engine) as connection:
        project = project_name_of(session, connection)
        urls = read_notifiers(connection, project)
        if name not in urls:
            raise NotFound(
                f"Project {project} has no notifier {name} in force.", hint=_what_there_is(urls)
            )
        audit.record(connection, actor=actor_of(session), action="alerts.test", target=name)
    with session.output.progress("sending"):
        answer = send_now(Assignment(settings=settings, url=urls[name], message=_test_message()))
    if answer.error:
        raise NotSent(
            f"The message to {name} was not sent: {answer.error}.",
            hint="Mend the address below `notifiers`, apply it, and try again.",
        )
    session.output.result(f"{style('●', 'good')} {text(name)} has taken it: {text(answer.said)}")


def _what_there_is(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    if not listed:
        return "Write it below `notifiers` in jobrunner.yaml, then: jobrunner apply"
    return f"There are: {listed}."


def _test_message() -> Message:
    return Message(
        id=uuid.uuid4(),
        event="test",
        kind=None,
        since=datetime.now(UTC),
        occurred=1,
        about=None,
        run=None,
    )


command = Group(
    "alerts",
    help="What is wrong with jobs that have `alerts`, who was told, and whether a message arrives.",
    commands={"list": list_command, "test": test_command},
    examples=[
        ("jobrunner alerts list", "What is wrong now, and what was not sent."),
        ("jobrunner alerts test oncall", "Send a message to a notifier now."),
    ],
)
