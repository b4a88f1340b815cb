"""A run whose secrets cannot be opened says so, and is tried again only where that may help."""

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, RowMapping

from jobrunner.db.attempts import Claim
from jobrunner.db.engine import make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.execute import Home, execute_run
from jobrunner.output import Capture
from jobrunner.sealing import Keyring
from jobrunner.secrets import Secrets
from tests.ledger import Ledger
from tests.secrets.conftest import KEY

CANARY = "canary-run-6Yb"
TASKS = """
def give_away(key):
    return {"plain": key, key: 1}


def refuse(key):
    raise ValueError(f"no {key}\\nand once more {key}")


def spells(key, other):
    return ["-".join(key), "-".join(other)]


def takes_a_number(key: int):
    pass
"""
ONCE_MORE = {"max_retries": 1}

Execute = Callable[..., RowMapping]


@pytest.fixture
def execute(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Execute]:
    """`execute("canary.refuse", {"key": 1})` → the row of the run after its first attempt."""
    (tmp_path / "canary.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "canary", raising=False)
    ledger = Ledger(engine)
    url = engine.url.render_as_string(hide_password=False)
    home = Home(
        KeptConnection(make_engine(url, application_name="jobrunner run", pool_size=1)),
        worker="worker@test",
        allow=(),
        capture=Capture(),
        secrets=Secrets(["env:CANARY*"], environ={"CANARY": CANARY}, keyring=Keyring([KEY])),
    )

    def make(task: str, kwargs: dict[str, Any], **spec: Any) -> RowMapping:
        job_id = ledger.add_job(task, name="job", kwargs=kwargs, retry=ONCE_MORE, **spec)
        run_id = ledger.add_run(job_id)
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is not None
        return ledger.run(run_id)

    yield make
    home.close()


def test_the_callable_gets_the_values(execute: Execute) -> None:
    sealed = Keyring([KEY]).seal("test/job", "other", "sealed")
    run = execute("canary.spells", {"key": {"secret": "env:CANARY"}, "other": sealed})
    assert run["result"] == ["-".join(CANARY), "s-e-a-l-e-d"]


def test_a_result_is_masked_and_stays_json(execute: Execute) -> None:
    run = execute("canary.give_away", {"key": {"secret": "env:CANARY"}})
    assert run["result"] == {"plain": "***", "***": 1}


def test_a_sealed_value_is_opened_and_masked(execute: Execute) -> None:
    sealed = Keyring([KEY]).seal("test/job", "key", CANARY)
    assert execute("canary.give_away", {"key": sealed})["result"]["plain"] == "***"


def test_a_sensitive_value_that_a_hand_has_stored_open_is_masked(execute: Execute) -> None:
    run = execute("canary.give_away", {"key": CANARY}, sensitive=["key"])
    assert run["result"]["plain"] == "***"


def test_an_error_and_its_traceback_are_masked(execute: Execute, engine: Engine) -> None:
    run = execute("canary.refuse", {"key": {"secret": "env:CANARY"}})
    assert run["error"] == "ValueError: no ***"
    (attempt,) = Ledger(engine).attempts(run["id"])
    assert attempt.traceback is not None
    assert attempt.traceback.endswith("ValueError: no ***\nand once more ***\n")


def test_an_argument_that_does_not_fit_is_not_quoted(execute: Execute) -> None:
    run = execute("canary.takes_a_number", {"key": {"secret": "env:CANARY"}})
    assert run["error"]
    assert CANARY not in run["error"]


def test_a_secret_that_is_not_allowed_ends_the_run(execute: Execute) -> None:
    run = execute("canary.give_away", {"key": {"secret": "env:OTHER"}})
    assert run["state"] == "failed"
    assert run["error"].startswith("The secret env:OTHER may not be opened here")


def test_a_secret_that_is_not_there_is_tried_again(execute: Execute) -> None:
    run = execute("canary.give_away", {"key": {"secret": "env:CANARY_GONE"}})
    assert run["state"] == "queued"
    assert run["error"].startswith("The secret env:CANARY_GONE is not there")


def test_what_no_key_opens_is_tried_again(execute: Execute) -> None:
    sealed = Keyring(["b" * 43 + "="]).seal("test/job", "key", CANARY)
    run = execute("canary.give_away", {"key": sealed})
    assert run["state"] == "queued"
    assert "sealed with key" in run["error"]
