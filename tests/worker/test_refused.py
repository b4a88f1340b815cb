"""Messages that are none of ours: a worker refuses them, keeps their beginning, and lives."""

import base64
import json
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import Engine

from jobrunner.broker import make_app
from jobrunner.db.engine import transaction
from jobrunner.db.refused import KEPT, RefusedMessage, keep_refused, read_refused
from jobrunner.embedded.children import Supervisor
from jobrunner.messages import message_body, problem_of
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import StartedProcess, open_project
from tests.servers import redis_client
from tests.waiting import wait_until
from tests.worker.conftest import TASKS, WORKER, Send

__all__ = ["one_broker_url", "one_database_url"]

RUN_ID = "7d0f3c52-9a35-4a0e-8c55-0b6c2a6f7a11"
HEADERS: dict[str, Any] = {"task": "jobrunner.execute", "id": RUN_ID}


@pytest.fixture(scope="module")
def worker(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[StartedProcess]:
    with open_project(supervisor, database_url, broker_url) as folder:
        folder.write("acme.py", TASKS)
        process = folder.start_program(*WORKER, "-c", "1")
        process.wait_for_line("ready")
        yield process
        process.kill_if_alive()


def refused(ledger: Ledger) -> tuple[RefusedMessage, ...]:
    with transaction(ledger.engine) as connection:
        return read_refused(connection)


def raw_message(body: bytes, content_type: str = "application/json", **headers: Any) -> bytes:
    """As kombu keeps it in a Redis list."""
    properties = {
        "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
        "delivery_info": {"exchange": "", "routing_key": "default"},
    }
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": content_type,
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": properties,
        }
    ).encode()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (b"hello", "it is no message"),
        (b"[]", "it is no message"),
        (b'{"body": "x"}', "it is no message"),
        (b"\xff\xfe\x00", "it is no message"),
        (b"[" * 200_000, "it is no message"),
        (b"x" * 20_000_000, "it is no message"),
        (raw_message(b"\x1f\x8b", **HEADERS, compression="gzip"), "it is no message"),
        (
            raw_message(pickle.dumps(RUN_ID), "application/x-python-serialize", **HEADERS),
            "its content type is 'application/x-python-serialize'",
        ),
        (raw_message(b"{}"), "it names no task"),
        (raw_message(b"[[], {}, {}]", task="os.system"), "it names the task 'os.system'"),
        (raw_message(b"3", **HEADERS), "its body is no version and run id"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_fault_38_what_is_no_message_of_ours_is_kept_and_the_worker_lives(
    worker: StartedProcess, send: Send, ledger: Ledger, broker_url: str, item: bytes, reason: str
) -> None:
    seen = len(refused(ledger))
    with Connection(broker_url) as connection:
        redis_client(connection).lpush("default", item)
    wait_until(lambda: len(refused(ledger)) > seen)
    assert refused(ledger)[0].reason == reason
    assert len(refused(ledger)[0].message) <= 4096
    run_id = send("acme.quick")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert worker.exit_code is None


def test_fault_38_a_forged_task_message_starts_nothing_and_the_worker_lives(
    worker: StartedProcess, send: Send, ledger: Ledger, broker_url: str
) -> None:
    seen = len(refused(ledger))
    app = make_app(Settings(broker_url=broker_url))
    app.send_task("jobrunner.execute", args=[1, str(uuid.uuid4()), "and more"])
    app.send_task("os.system", args=["true"])
    wait_until(lambda: len(refused(ledger)) == seen + 2)
    run_id = send("acme.quick")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert worker.exit_code is None


def body(*arguments: Any, keywords: Any = None, **sent_after: Any) -> str:
    return json.dumps([arguments, keywords or {}, sent_after])


@pytest.mark.parametrize("version", [0, 1, 2])
def test_fault_69_a_version_beside_our_own_is_taken(version: int) -> None:
    assert problem_of("application/json", HEADERS, body(version, RUN_ID)) == ""


@pytest.mark.parametrize("version", [-1, 3])
def test_fault_69_a_version_further_away_is_left_unclaimed(version: int) -> None:
    problem = problem_of("application/json", HEADERS, body(version, RUN_ID))
    assert problem == f"its version is {version}, and this worker's 1"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (HEADERS, body(1, "1c5be1f4-2f0b-4c7e-9d43-5f2a7a4f5e90")),
        (HEADERS, body(1, "x")),
        (HEADERS, body(True, RUN_ID)),  # noqa: FBT003  a version that is a boolean
        (HEADERS, body(1, RUN_ID, "more")),
        (HEADERS, body(1, RUN_ID, keywords={"more": 1})),
        (HEADERS, body(1, RUN_ID, chain=[{"task": "os.system"}])),
        (HEADERS, body(1, RUN_ID) + " " * 2_000),
        (HEADERS | {"eta": "2030-01-01T00:00:00"}, body(1, RUN_ID)),
        (HEADERS | {"expires": "2020-01-01T00:00:00"}, body(1, RUN_ID)),
    ],
)
def test_fault_84_a_forged_message_is_refused(headers: dict[str, Any], text: str) -> None:
    assert problem_of("application/json", headers, text)


def test_what_a_beat_sends_is_no_problem() -> None:
    assert problem_of("application/json", HEADERS, message_body(RUN_ID)) == ""


def test_of_refused_messages_the_newest_thousand_are_kept(engine: Engine) -> None:
    with transaction(engine) as connection:
        before = len(read_refused(connection))
        for number in range(KEPT + 5 - before):
            keep_refused(connection, worker="w", reason="r", message=f"{number}\x00")
        kept = read_refused(connection)
    assert len(kept) == KEPT
    assert kept[0].message == f"{KEPT + 4 - before}\\x00"
