"""`jobrunner queues`: what waits in each queue, since when, and who serves it."""

from collections.abc import Sequence
from typing import Any

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.layout import Column, Table, text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.style import state_words, style
from jobrunner.db.engine import transaction
from jobrunner.db.queues import COUNTED, Queue, read_queues
from jobrunner.wording.times import iso, so_far

_COLUMNS = (
    Column("queue", shrinks=True),
    Column("waiting", right=True),
    Column("oldest", right=True),
    Column("running", right=True),
    Column("held", right=True),
    Column("later", right=True),
    Column("served by", shrinks=True),
    Column("", shrinks=True),
)


@make_command(
    "queues",
    "What waits in each queue, since when, and who serves it. Exit 1 when runs, or clean-ups "
    "after runs (`on_end`), wait in a queue that no living worker serves.\n\n"
    "waiting: runs that may start now. held: runs that wait for other runs. later: runs that wait "
    "for the time of their next attempt.",
    examples=[
        ("jobrunner queues", "Is one jammed, or forgotten by every worker?"),
        ("jobrunner queues -o json", "The same with the waiting runs by priority."),
    ],
)
@output_option
def command(session: Session, *, form: Form) -> int:
    with open_database(session, "queues") as engine, transaction(engine) as connection:
        queues = read_queues(connection)
    table = Table(
        _COLUMNS,
        [_cells(queue) for queue in queues],
        empty="No job names a queue yet, and no worker serves one.",
    )
    session.output.listing([_record(queue) for queue in queues], table, form)
    return _warn_of_deserted(session, queues)


def _cells(queue: Queue) -> list[str]:
    oldest = queue.oldest_waiting_at
    return [
        text(queue.name),
        _number(queue.waiting),
        "" if oldest is None else so_far(queue.now - oldest),
        _number(queue.running),
        _number(queue.held),
        _number(queue.later),
        _served_by(queue),
        _note(queue),
    ]


def _served_by(queue: Queue) -> str:
    if queue.is_deserted:
        return style("✕ nobody", "bad")
    return text(", ".join(queue.workers)) or style("nobody", "quiet")


def _number(number: int) -> str:
    if number > COUNTED:
        return f"> {COUNTED:,}"
    return f"{number:,}" if number else ""


def _note(queue: Queue) -> str:
    told = []
    if queue.paused:
        told.append(state_words("paused"))
    if queue.unsent:
        told.append(style(f"{_number(queue.unsent)} not sent yet", "warn"))
    if queue.clean_ups:
        told.append(style(f"{_number(queue.clean_ups)} to clean up", "warn"))
    if set(queue.waiting_by_priority) - {0}:
        parts = (f"{_number(n)} at {priority}" for priority, n in queue.waiting_by_priority.items())
        told.append(style(f"priority: {', '.join(parts)}", "quiet"))
    return "  ".join(told)


def _warn_of_deserted(session: Session, queues: Sequence[Queue]) -> int:
    deserted = [queue.name for queue in queues if queue.is_deserted]
    if not deserted:
        return 0
    named = ",".join(deserted)
    session.output.warning(
        f"Runs or clean-ups wait in {text(', '.join(deserted))}, and no living worker serves it.",
        f"jobrunner worker -Q {text(named)}",
    )
    return 1


def _record(queue: Queue) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "waiting": queue.waiting,
        "waiting_by_priority": {str(key): n for key, n in queue.waiting_by_priority.items()},
        "oldest_waiting_at": iso(queue.oldest_waiting_at),
        "running": queue.running,
        "clean_ups": queue.clean_ups,
        "held": queue.held,
        "later": queue.later,
        "unsent": queue.unsent,
        "paused": queue.paused,
        "workers": list(queue.workers),
        "now": iso(queue.now),
    }
