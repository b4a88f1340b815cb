"""What a run says is stored with it: while it goes on, and at its end."""

import importlib
import threading
import uuid
from datetime import datetime

from jobrunner.db.attempts import Claim
from jobrunner.execute import Home, execute_run
from tests.ledger import Ledger
from tests.saying.conftest import Execute
from tests.waiting import wait_until


def test_the_last_word_is_stored_at_the_end(execute: Execute, ledger: Ledger) -> None:
    assert ledger.run(execute("acme.speaks"))["progress"] == {
        "attempt": 1,
        "percent": 40.0,
        "message": "four of ten",
        "phases": [],
        "phases_left_out": 0,
    }


def test_a_run_that_says_nothing_has_no_progress(execute: Execute, ledger: Ledger) -> None:
    assert ledger.run(execute("acme.silent"))["progress"] is None


def test_it_is_stored_while_the_run_goes_on(home: Home, ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job("acme.speaks_and_waits"))
    acme = importlib.import_module("acme")

    def look() -> None:
        try:
            wait_until(lambda: ledger.run(run_id)["progress"])
            seen.append(ledger.state(run_id))
        finally:
            acme.may_end.set()

    seen: list[str] = []
    looking = threading.Thread(target=look)
    looking.start()
    execute_run(home, Claim(run_id, uuid.uuid4()))
    looking.join()
    assert seen == ["running"]


def test_phases_have_their_times_and_what_ended_them(execute: Execute, ledger: Ledger) -> None:
    phases = ledger.run(execute("acme.has_phases"))["progress"]["phases"]
    assert [(p["name"], p["depth"], p["error"]) for p in phases] == [
        ("load", 0, None),
        ("parse", 1, None),
        ("send", 0, "ConnectionError"),
    ]
    begun, ended = (datetime.fromisoformat(phases[0][key]) for key in ("started_at", "ended_at"))
    assert begun.tzinfo is not None
    assert begun <= ended


def test_async_code_and_its_threads_are_heard(execute: Execute, ledger: Ledger) -> None:
    assert ledger.run(execute("acme.speaks_async"))["progress"]["message"] == "from a thread"


def test_a_thread_is_heard_when_it_was_given_the_context(execute: Execute, ledger: Ledger) -> None:
    assert ledger.run(execute("acme.speaks_in_threads"))["progress"]["message"] == "kept"


def test_the_next_attempt_begins_anew(execute: Execute, home: Home, ledger: Ledger) -> None:
    run_id = execute("acme.only_first", retry={"max_retries": 1, "delay": "1s", "jitter": False})
    assert ledger.run(run_id)["progress"]["attempt"] == 1
    ledger.make_available(run_id)
    execute_run(home, Claim(run_id, uuid.uuid4()))
    assert ledger.run(run_id)["progress"] is None


def test_the_deadline_is_that_of_the_hard_limit(execute: Execute, ledger: Ledger) -> None:
    assert 55 < ledger.run(execute("acme.seconds_left", timeout="1m"))["result"] <= 60
