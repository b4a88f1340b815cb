"""`runs logs`: what a run has written, also as it comes, and nothing that could steer a terminal."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import NoReturn
from unittest.mock import Mock

import pytest
from psycopg2 import OperationalError
from sqlalchemy import Engine, event

from jobrunner.cli.output import Output
from jobrunner.cli.run_logs import output_until_end
from jobrunner.db.engine import make_engine
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT, write_pieces
from jobrunner.wording.foreign_text import plain_output
from tests.cli.conftest import Jobrunner
from tests.ledger import Ledger
from tests.waiting import wait_until


class Written:
    """A run under way, whose attempts write."""

    def __init__(self, engine: Engine) -> None:
        self.ledger = Ledger(engine)
        self.run_id = self.ledger.add_run(self.ledger.add_job())
        self.ledger.claim(self.run_id)

    def write(self, text: str, *, attempt: int = 1, number: int = 0) -> None:
        with self.ledger.engine.begin() as connection:
            write_pieces(connection, self.run_id, attempt, [(number, text)])

    def end(self, state: str = "succeeded") -> None:
        self.ledger.end_run(self.run_id, state)


@pytest.fixture
def written(engine: Engine) -> Written:
    """A run that is claimed and has written nothing yet."""
    return Written(engine)


def nowhere() -> Output:
    """For what prints next to nothing."""
    return Output(StringIO(), StringIO(), {})


def test_all_attempts_are_shown_in_order(jobrunner: Jobrunner, written: Written) -> None:
    written.write("second\n", attempt=2)
    written.write("first\n")
    called = jobrunner("runs", "logs", str(written.run_id))
    assert called.stdout == "first\nsecond\n"
    assert called.stderr == "Attempt 2:\n"


def test_one_attempt_is_shown_alone(jobrunner: Jobrunner, written: Written) -> None:
    written.write("first\n")
    written.write("second\n", attempt=2)
    assert jobrunner("runs", "logs", str(written.run_id), "--attempt", "1").stdout == "first\n"


def test_an_attempt_that_wrote_nothing_is_told(jobrunner: Jobrunner, written: Written) -> None:
    called = jobrunner("runs", "logs", str(written.run_id), "--attempt", "2")
    assert called.stderr == "Nothing was written by attempt 2 (the run is running).\n"


def test_json_has_the_text_as_it_was_written(jobrunner: Jobrunner, written: Written) -> None:
    written.write("\x1b[31mred\n")
    (piece,) = json.loads(jobrunner("runs", "logs", str(written.run_id), "-o", "json").stdout)
    assert (piece["attempt"], piece["sequence"], piece["text"]) == (1, 0, "\x1b[31mred\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1b]0;title\x07body", "body"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bcharset", "charset"),
        ("\x1bcreset", "reset"),
        ("half a sequence \x1b[", "half a sequence \\x1b["),
        ("\x9b31m of one byte", "\\x9b31m of one byte"),
        ("10 %\r20 %\r\n", "10 %\n20 %\n"),
        ("rm -rf \u202e/", "rm -rf \\x202e/"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_fault_78_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert plain_output(text) == shown


def test_following_ends_with_the_run_and_tells_its_end(
    jobrunner: Jobrunner, written: Written
) -> None:
    written.write("done\n")
    written.end()
    called = jobrunner("runs", "logs", str(written.run_id), "-f")
    assert (called.exit_code, called.stdout) == (0, "done\n")
    assert called.stderr == f"Run {written.run_id} is ● succeeded.\n"


@pytest.mark.parametrize("state", ["failed", "lost", "cancelled"])
def test_following_a_run_that_does_not_succeed_exits_1(
    jobrunner: Jobrunner, written: Written, state: str
) -> None:
    written.end(state)
    assert jobrunner("runs", "logs", str(written.run_id), "-f").exit_code == 1


def test_following_json_is_one_object_a_line(jobrunner: Jobrunner, written: Written) -> None:
    written.write("a\n")
    written.write("b\n", number=1)
    written.end()
    lines = jobrunner("runs", "logs", str(written.run_id), "-f", "-o", "json").stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a\n", "b\n"]


def test_following_shows_what_comes_across_attempts(engine: Engine, written: Written) -> None:
    written.write("first\n")
    pieces = output_until_end(nowhere(), engine, written.run_id)
    assert next(pieces).text == "first\n"
    written.write("second\n", attempt=2)
    assert next(pieces).text == "second\n"
    written.write("third\n", attempt=2, number=1)
    written.end()
    assert [piece.text for piece in pieces] == ["third\n"]


def test_what_was_cut_is_told_although_it_stands_before_what_was_read(
    engine: Engine, written: Written
) -> None:
    written.write("head\n", number=0)
    written.write("tail\n", number=2)
    pieces = output_until_end(nowhere(), engine, written.run_id)
    assert [next(pieces).text, next(pieces).text] == ["head\n", "tail\n"]
    written.write("[7 bytes were cut here]\n", number=1)
    written.end()
    assert [piece.text for piece in pieces] == ["[7 bytes were cut here]\n"]


def test_fault_2_a_database_that_restarts_is_waited_for_and_said_once(
    database_url: str, written: Written
) -> None:
    engine = make_engine(database_url, application_name="test", pool_size=1)
    errors = StringIO()
    output = Output(StringIO(), errors, {})
    written.write("before\n")
    pieces = output_until_end(output, engine, written.run_id)
    assert next(pieces).text == "before\n"
    away = Mock(side_effect=[OperationalError("starting up"), OperationalError("the same"), None])
    event.listen(engine, "do_connect", lambda *_: away())
    engine.dispose()  # what it was connected to is gone
    written.write("after\n", number=1)
    assert next(pieces).text == "after\n"
    assert errors.getvalue().count("starting up") == 1
    engine.dispose()


def test_one_attempt_cannot_be_followed(jobrunner: Jobrunner, written: Written) -> None:
    called = jobrunner("runs", "logs", str(written.run_id), "-f", "--attempt", "1")
    assert called.exit_code == 64


def test_waiting_for_a_run_shows_its_output_and_its_end(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    ledger = Ledger(engine)
    ledger.add_job(name="job")
    with ThreadPoolExecutor(1) as thread:
        called = thread.submit(jobrunner, "run", "test/job", "--wait", "--request-id", "7")
        wait_until(ledger.run_ids)
        (run_id,) = ledger.run_ids()
        ledger.claim(run_id)
        with engine.begin() as connection:
            write_pieces(connection, run_id, 1, [(0, "working\n")])
        ledger.end_run(run_id, "failed", error="ValueError: no")
        ended = called.result(timeout=20)
    assert ended.exit_code == 1
    assert "working\n" in ended.stdout
    assert "✕ failed" in ended.stdout
    assert "ValueError: no" in ended.stdout


def test_ctrl_c_while_waiting_ends_the_waiting_and_says_how_to_end_the_run(
    jobrunner: Jobrunner, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(engine)
    ledger.add_job(name="job")
    monkeypatch.setattr("jobrunner.cli.run.output_until_end", interrupted)
    called = jobrunner("run", "test/job", "--wait")
    (run_id,) = ledger.run_ids()
    assert called.exit_code == 130
    told = f"\nThe run goes on. End it: jobrunner runs cancel {str(run_id)[:8]}\nInterrupted.\n"
    assert called.stderr.endswith(told)
    assert ledger.state(run_id) == "queued"


def interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_progress_and_phases_are_shown(jobrunner: Jobrunner, written: Written) -> None:
    phases = [
        {"name": "load", "depth": 0, "started_at": T0, "ended_at": T1, "error": None},
        {"name": "parse", "depth": 1, "started_at": T0, "ended_at": T1, "error": "ValueError"},
        {"name": "send", "depth": 0, "started_at": T1, "ended_at": None, "error": None},
    ]
    said = {"attempt": 1, "percent": 40, "message": "four of ten", "phases_left_out": 2}
    written.ledger.change_run(written.run_id, progress={**said, "phases": phases})
    shown = jobrunner("runs", "show", str(written.run_id)).stdout
    assert "40 %  four of ten" in shown
    assert (
        "    load     1.5 s\n      parse  1.5 s  ValueError\n    send     not ended\n"
        "    and 2 phases more\n"
    ) in shown


def test_progress_is_in_the_json(jobrunner: Jobrunner, written: Written) -> None:
    written.ledger.change_run(written.run_id, progress={"percent": 40})
    shown = jobrunner("runs", "show", str(written.run_id), "-o", "json").stdout
    assert json.loads(shown)["progress"] == {"percent": 40}


def test_what_a_clean_up_wrote_is_no_attempt(jobrunner: Jobrunner, written: Written) -> None:
    written.write("done\n")
    written.write("on_end: acme.release, try 1\n", attempt=CLEAN_UP_ATTEMPT + 1)
    called = jobrunner("runs", "logs", str(written.run_id))
    assert called.stdout == "done\non_end: acme.release, try 1\n"
    assert called.stderr == ""


def test_a_percentage_is_rounded(jobrunner: Jobrunner, written: Written) -> None:
    said = {"percent": 200 / 3, "message": "", "phases": [], "phases_left_out": 0}
    written.ledger.change_run(written.run_id, progress={"attempt": 1, **said})
    assert "progress       66.7 %\n" in jobrunner("runs", "show", str(written.run_id)).stdout


def test_what_is_said_of_a_success_is_a_note(jobrunner: Jobrunner, written: Written) -> None:
    written.end()
    written.ledger.change_run(written.run_id, error="the result is no JSON")
    shown = jobrunner("runs", "show", str(written.run_id)).stdout
    assert "  note           the result is no JSON\n" in shown


T0, T1 = "2026-11-21T12:00:00+00:00", "2026-11-21T12:00:01.500000+00:00"
