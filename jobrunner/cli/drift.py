"""`jobrunner drift`: what somebody has changed in the database since the last apply."""

from collections.abc import Iterator
from typing import Any

import click

from jobrunner.alerts.shown_address import address_words
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.output import Form
from jobrunner.cli.plan_options import EXIT_CHANGES
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.value_text import value_text
from jobrunner.cli.which_project import project_name_of
from jobrunner.plan.changes import FieldChange, Update, changes_as_json
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.reconcile import Drift, find_drift, reading
from jobrunner.wording.states import Role

_FORMAT_VERSION = "1.2"


@make_command(
    "drift",
    "What somebody has changed in the database since the last apply; a pause is no drift.\n\n"
    "It compares what is in force with what was applied, and needs no job file.",
    examples=[
        ("jobrunner drift", "What the next apply would put right."),
        ("jobrunner drift --detailed-exitcode", "For a monitor: exit 2 when there is any."),
    ],
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is drift.")
@output_option
def command(session: Session, *, detailed_exitcode: bool, form: Form) -> int:
    with open_database(session, "drift") as engine, reading(engine) as connection:
        name = project_name_of(session, connection)
        with session.output.progress("comparing with what was applied"):
            drift = find_drift(connection, name)
    if form == "table":
        session.output.told(*_lines(drift))
    else:
        session.output.document(_record(drift), form)
    return EXIT_CHANGES if detailed_exitcode and not drift.is_empty else 0


def _record(drift: Drift) -> dict[str, Any]:
    plan = drift.plan
    return {
        "format_version": _FORMAT_VERSION,
        "project": plan.project,
        "revision": plan.base_revision,
        "drift": not drift.is_empty,
        "notifiers": [change.as_json() for change in plan.notifiers],
        "changes": changes_as_json(plan.changes),
        "edited": list(drift.edited),
    }


def _lines(drift: Drift) -> list[str]:
    plan = drift.plan
    revision = plan.base_revision
    if drift.is_empty:
        be, them = ("is", "it") if plan.unchanged == 1 else ("are", "them")
        jobs = count(plan.unchanged, "job")
        return [f"No drift. {jobs} {be} as revision {revision} has left {them}."]
    back = "" if not plan.changes else f", or `jobrunner rollback {revision}`"
    return [
        style(f"Changed in the database since revision {revision}:", "strong"),
        *_job_lines(drift),
        "",
        f"Put it right with `jobrunner apply`{back}.",
    ]


def _job_lines(drift: Drift) -> Iterator[str]:
    for notifier in drift.plan.notifiers:
        yield _notifier_line(notifier)
    for create in drift.plan.creates:
        yield _line("-", "bad", create.address, "is gone")
    for delete in drift.plan.deletes:
        yield _line("+", "warn", delete.address, "is in force, and no apply has brought it")
    for update in drift.plan.updates:
        yield from (_line("~", "warn", update.address, words) for words in _words(update))
    for address in drift.edited:
        words = "the stored definition is not the one that was applied; only the files have that"
        yield _line("!", "bad", address, words)


def _notifier_line(change: NotifierChange) -> str:
    name = f"notifier {change.name}"
    match change.kind:
        case "added":
            return _line("-", "bad", name, "is gone")
        case "removed":
            return _line("+", "warn", name, "is in force, and no apply has brought it")
        case "changed":
            there, applied = map(address_words, (change.old, change.new))
            return _line("~", "warn", name, f"{text(there)} in the database, {applied} applied")


def _words(update: Update) -> Iterator[str]:
    if update.moved_from:
        yield f"is in force as {text(update.moved_from)}"
    if update.replaces:
        yield text(update.replaces)
    yield from (_field_words(field) for field in update.fields)


def _field_words(field: FieldChange) -> str:
    there = "nothing" if field.kind == "added" else value_text(field.old, field.path)
    applied = "nothing" if field.kind == "removed" else value_text(field.new, field.path)
    return f"{text(field.path)}  {there} in the database, {applied} applied"


def _line(mark: str, role: Role, address: str, words: str) -> str:
    return f"  {style(mark, role)} {style(text(address), 'strong')}  {words}"
