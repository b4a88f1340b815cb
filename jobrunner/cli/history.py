"""`jobrunner history`: what was applied, when, by whom and from which commit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.layout import Column, Table, text
from jobrunner.cli.output import Form
from jobrunner.cli.revision_text import counts_text, git_text, revision_lines
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.which_project import project_name_of
from jobrunner.db.engine import transaction
from jobrunner.db.history import Revision, get_revision, list_revisions, list_revisions_of
from jobrunner.db.revisions import NOTIFIER
from jobrunner.errors import NotFound
from jobrunner.wording.times import distance, iso

_COLUMNS = (
    Column("revision", right=True),
    Column("when", right=True),
    Column("changes"),
    Column("git"),
    Column("who", shrinks=True),
    Column("note", shrinks=True),
)


@make_command(
    "history",
    "What was applied: revisions with who, when, git commit and how much they changed.\n\n"
    "WHAT is a job: the revisions that touched it, with its fields. Or it is a revision: its diff.",
    examples=[
        ("jobrunner history reports/nightly", "What has become of a job, under all its names."),
        ("jobrunner history 41", "What revision 41 has changed."),
    ],
)
@click.argument("what", required=False, default="")
@click.option(
    "-n",
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="So many, the newest.",
)
@output_option
def command(session: Session, *, what: str, limit: int, form: Form) -> None:
    with open_database(session, "history") as engine, transaction(engine) as connection:
        project = project_name_of(session, connection)
        found = _find(connection, project, what, limit)
    now = datetime.now(UTC)
    if what and form == "table":
        session.output.told(*_blocks(found, now))
        return
    records = [_record(revision, with_changes=bool(what)) for revision in found]
    if what.isdecimal():
        session.output.document(records[0], form)
        return
    table = Table(
        _COLUMNS,
        [_cells(revision, now) for revision in found],
        empty=f"Project {project} was never applied here; `jobrunner apply` is the first step.",
    )
    session.output.listing(records, table, form)


def _find(connection: Connection, project: str, what: str, limit: int) -> Sequence[Revision]:
    if not what:
        return list_revisions(connection, project, limit=limit)
    if what.isdecimal():
        return [get_revision(connection, project, int(what))]
    found = list_revisions_of(connection, project, what, limit=limit)
    if not found:
        raise NotFound(
            f"No revision of project {project} has touched a job {what}.",
            hint="`jobrunner history` shows the revisions, `jobrunner list` the jobs in force.",
        )
    return found


def _blocks(found: Sequence[Revision], now: datetime) -> list[str]:
    lines: list[str] = []
    for revision in found:
        lines += ["", *revision_lines(revision, now)] if lines else revision_lines(revision, now)
    return lines


def _cells(revision: Revision, now: datetime) -> list[str]:
    back = revision.rolled_back_to
    return [
        style(str(revision.number), "strong"),
        distance(revision.created_at, now),
        counts_text(revision.counts),
        git_text(revision),
        text(revision.author),
        "" if back is None else style(f"rollback to {back}", "warn"),
    ]


def _record(revision: Revision, *, with_changes: bool) -> dict[str, Any]:
    record = {
        "revision": revision.number,
        "applied_at": iso(revision.created_at),
        "author": revision.author,
        "git_commit": revision.git_commit,
        "git_dirty": revision.git_dirty,
        "rolled_back_to": revision.rolled_back_to,
        "digest": revision.digest,
        "summary": {name: revision.counts.get(action, 0) for name, action in _SUMMARY.items()},
    }
    if not with_changes:
        return record
    notifiers = [change.as_json() for change in revision.notifiers]
    return {**record, "notifiers": notifiers, "changes": list(revision.changes)}


_SUMMARY = {
    **{name: name for name in ("create", "update", "move", "delete")},
    "notifiers": NOTIFIER,
}
