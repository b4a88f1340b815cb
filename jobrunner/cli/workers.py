"""`jobrunner workers`: who is at work, and on what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import Column, Table, text
from jobrunner.cli.output import Form
from jobrunner.cli.runs import SHORT_ID
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.db.engine import database_now, transaction
from jobrunner.db.refused import RefusedMessage, count_refused, read_refused
from jobrunner.db.workers import RunInHand, SeenWorker, WorkerState, read_workers
from jobrunner.wording.states import Role
from jobrunner.wording.times import distance, iso, so_far

_COLUMNS = (
    Column("worker", shrinks=True),
    Column("state"),
    Column("seen", right=True),
    Column("busy", right=True),
    Column("runs now", shrinks=True),
    Column("for", right=True),
    Column("queues", shrinks=True),
    Column("pid", right=True),
    Column("version"),
)
_REFUSED_COLUMNS = (
    Column("refused", right=True),
    Column("worker"),
    Column("why", shrinks=True),
    Column("message", shrinks=True),
)
_STATES: dict[WorkerState, tuple[str, Role]] = {
    "alive": ("●", "good"),
    "stopping": ("○", "warn"),
    "stuck": ("✕", "bad"),
    "dead": ("✕", "bad"),
}


@make_command(
    "workers",
    "Who is at work, and on what.\n\n"
    "alive: seen within 15 s. stopping: it lets its runs end. stuck: it lives, and its loop has "
    "consumed nothing for 30 s. dead: it went without a word, within the last hour.",
    examples=[
        ("jobrunner workers", "Each worker with its runs, a line each."),
        ("jobrunner workers --refused", "Messages that were none of ours, the newest first."),
    ],
)
@click.option(
    "--refused", is_flag=True, help="Instead: the messages that workers have refused, and why."
)
@output_option
def command(session: Session, *, refused: bool, form: Form) -> None:
    with open_database(session, "workers") as engine, transaction(engine) as connection:
        now = database_now(connection)
        if refused:
            _show_refused(session, read_refused(connection), now, form)
            return
        workers = read_workers(connection)
        refused_lately = count_refused(connection)
    table = Table(
        _COLUMNS,
        [row for worker in workers for row in _rows(worker, now)],
        empty="No worker is at work. Start one with `jobrunner worker`.",
    )
    session.output.listing([_record(worker) for worker in workers], table, form)
    if refused_lately and form == "table":
        session.output.warning(
            f"{count(refused_lately, 'refused message')} in the last 24 hours.",
            "jobrunner workers --refused",
        )


def _rows(worker: SeenWorker, now: datetime) -> list[list[str]]:
    """A line for the worker with its first run, and one for each further run."""
    mark, role = _STATES[worker.state]
    first, *others = worker.runs or (None,)
    own = [
        text(worker.name),
        style(f"{mark} {worker.state}", role),
        distance(worker.last_seen_at, now),
        f"{len(worker.runs)}/{worker.concurrency}",
        *_run_cells(first, now),
        text(", ".join(worker.queues)),
        str(worker.pid),
        text(worker.version),
    ]
    return [own, *(["", "", "", "", *_run_cells(run, now), "", "", ""] for run in others)]


def _run_cells(run: RunInHand | None, now: datetime) -> list[str]:
    if run is None:
        return [style("idle", "quiet"), ""]
    said = run.progress or {}
    words = [text(run.address), style(run.run_id[:SHORT_ID], "quiet")]
    if run.attempt > 1:
        words.append(style(f"attempt {run.attempt}", "quiet"))
    if said.get("percent") is not None:
        words.append(f"{said['percent']:g} %")
    if said.get("message"):
        words.append(style(text(said["message"]), "quiet"))
    return [" ".join(words), so_far(now - run.started_at)]


def _record(worker: SeenWorker) -> dict[str, Any]:
    return {
        "name": worker.name,
        "state": worker.state,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "queues": list(worker.queues),
        "concurrency": worker.concurrency,
        "started_at": iso(worker.started_at),
        "last_seen_at": iso(worker.last_seen_at),
        "silent_seconds": worker.silent_seconds,
        "runs": [
            {
                "run_id": run.run_id,
                "job": run.address,
                "attempt": run.attempt,
                "started_at": iso(run.started_at),
                "progress": run.progress,
            }
            for run in worker.runs
        ],
    }


def _show_refused(
    session: Session, messages: Sequence[RefusedMessage], now: datetime, form: Form
) -> None:
    table = Table(
        _REFUSED_COLUMNS,
        [
            [
                distance(one.refused_at, now),
                text(one.worker),
                text(one.reason),
                text(one.message),
            ]
            for one in messages
        ],
        empty="No message was refused.",
    )
    records = [
        {
            "refused_at": iso(one.refused_at),
            "worker": one.worker,
            "reason": one.reason,
            "message": one.message,
        }
        for one in messages
    ]
    session.output.listing(records, table, form)
