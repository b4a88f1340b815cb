"""`jobrunner runs logs`, and what `jobrunner run --wait` shows: the output of a run, also as it comes."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import click
from sqlalchemy import Connection, Engine

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.output import Form, Output, json_text
from jobrunner.cli.session import Session
from jobrunner.cli.style import state_words
from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT, StoredPiece, read_pieces
from jobrunner.db.runs import Run, find_run_id, get_run
from jobrunner.errors import DatabaseUnavailable, UsageError
from jobrunner.run import RunState
from jobrunner.wording.foreign_text import plain_output
from jobrunner.wording.times import iso

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
Answer = TypeVar("Answer")


@make_command(
    "logs",
    "What a run has printed and logged. RUN is an id or how it begins.\n\n"
    "With -f it goes on through all attempts; the exit code is 0 if the run has succeeded and 1 if it "
    "ended otherwise. Escape sequences of terminals are left out; -o json has them.",
    examples=[
        ("jobrunner runs logs 3f2a91bc", "All of it until now."),
        ("jobrunner runs logs 3f2a91bc -f", "And go on until the run is over."),
        ("jobrunner runs logs 3f2a91bc --attempt 1", "What the first attempt has written."),
    ],
)
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Only what this attempt has written."
)
@output_option
def logs_command(
    session: Session, *, run: str, follow: bool, attempt: int | None, form: Form
) -> int:
    if follow and attempt is not None:
        raise UsageError("-f goes through all attempts.", hint="Leave out --attempt, or -f.")
    with open_database(session, "runs") as engine:
        with transaction(engine) as connection:
            run_id = find_run_id(connection, run)
        if follow:
            return _follow(session, engine, run_id, form)
        with transaction(engine) as connection:
            state = get_run(connection, run_id).run.state
            pieces = read_pieces(connection, run_id)
    wanted = [piece for piece in pieces if attempt in {None, piece.attempt}]
    if form != "table":
        session.output.document([_record(piece) for piece in wanted], form)
    elif not wanted:
        which = "this run" if attempt is None else f"attempt {attempt}"
        session.output.say(f"Nothing was written by {which} (the run is {state}).")
    else:
        show_output(session, wanted)
    return 0


def _record(piece: StoredPiece) -> dict[str, Any]:
    return {
        "attempt": piece.attempt,
        "sequence": piece.sequence,
        "written_at": iso(piece.written_at),
        "text": piece.text,
    }


def _follow(session: Session, engine: Engine, run_id: uuid.UUID, form: Form) -> int:
    pieces = output_until_end(session.output, engine, run_id)
    if form == "table":
        if not show_output(session, pieces):
            session.output.say("Nothing was written by this run.")
    else:
        _show_records(session, pieces, form)
    run = patiently(session.output, engine, partial(get_run, run_id=run_id)).run
    session.output.say(f"Run {run.id} is {state_words(run.state)}.")
    return exit_code_of(run)


def _show_records(session: Session, pieces: Iterable[StoredPiece], form: Form) -> None:
    """One by one: there is no end of a list to wait for."""
    for piece in pieces:
        if form == "json":
            session.output.result_text(f"{json_text(_record(piece))}\n")
        else:
            session.output.document([_record(piece)], form)


def show_output(session: Session, pieces: Iterable[StoredPiece]) -> bool:
    """As text, the attempts told apart. Whether there was any."""
    attempt = 0
    for piece in pieces:
        attempt = attempt or 1
        if piece.attempt != attempt:
            attempt = piece.attempt
            if attempt <= CLEAN_UP_ATTEMPT:  # a clean-up says itself what it is
                session.output.say(f"Attempt {attempt}:")
        session.output.result_text(plain_output(piece.text))
    return attempt > 0


def output_until_end(output: Output, engine: Engine, run_id: uuid.UUID) -> Iterator[StoredPiece]:
    """What a run writes, as it comes, until it is over; at most two seconds after it was written.

    A database that restarts is waited for, see `patiently`.
    """
    seen: set[tuple[int, int, int]] = set()
    after = (0, -1)
    is_over = False
    while not is_over:
        is_over, pieces = patiently(output, engine, partial(_look, run_id=run_id, after=after))
        for piece in pieces:
            known = (piece.attempt, piece.sequence, hash(piece.text))
            if known not in seen:
                seen.add(known)
                yield piece
            after = max(after, (piece.attempt, piece.sequence))
        if not is_over:
            time.sleep(_LOOK_SECONDS)


def _look(
    connection: Connection, *, run_id: uuid.UUID, after: tuple[int, int]
) -> tuple[bool, Sequence[StoredPiece]]:
    """Whether the run is over, and what it has written."""
    # The state first: what was written before the end is read after it.
    is_over = RunState(get_run(connection, run_id).run.state).is_final
    # At the end from the beginning: how much was cut is told where the gap is, before what has been
    # read already.
    return is_over, read_pieces(connection, run_id, after=(0, -1) if is_over else after)


def patiently(output: Output, engine: Engine, look: Callable[[Connection], Answer]) -> Answer:
    """The answer of the database. One that is away, such as while it restarts, is waited for, a minute at
    most, and a person is told so once. Raises DatabaseUnavailable after that.
    """
    gives_up_at: float | None = None
    while True:
        try:
            with transaction(engine) as connection:
                return look(connection)
        except DatabaseUnavailable as error:
            now = time.monotonic()
            if gives_up_at is None:
                gives_up_at = now + _PATIENCE_SECONDS
                output.warning(error.message, "It is waited for, a minute at most.")
            if now >= gives_up_at:
                raise
        time.sleep(_LOOK_SECONDS)


def exit_code_of(run: Run) -> int:
    """0 for a run that has succeeded, or was handed to somebody else's workers; 1 for any other."""
    return 0 if run.state in {RunState.SUCCEEDED, RunState.HANDED_OVER} else 1
