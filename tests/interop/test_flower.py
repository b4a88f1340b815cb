"""A real Flower on the same broker."""

import json
import socket
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from jobrunner.broker import Sender, make_app
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings
from tests.broker.private_valkey import open_valkey
from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker

Ask = Callable[[str], Any]


@pytest.fixture
def own_broker(folder: Project) -> Iterator[str]:
    """One whose first database is the test's own: of a socket, Flower looks at no other."""
    with open_valkey() as url:
        folder.environment["JOBRUNNER_BROKER_URL"] = url
        yield url


@pytest.fixture
def flower(folder: Project) -> Iterator[Ask]:
    """`flower("/api/tasks")` → what it answers; None while it does not."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.environment["FLOWER_UNAUTHENTICATED_API"] = "true"
    process = folder.start_program(
        *(sys.executable, "-m", "celery", "-A", "jobrunner.app", "flower"),
        *("--address=127.0.0.1", f"--port={port}"),
    )

    def ask(path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    yield ask
    process.kill_if_alive()


def states(flower: Ask) -> dict[str, str]:
    """Of the tasks that Flower shows, by their ids."""
    tasks = flower("/api/tasks") or {}
    return {task_id: task["state"] for task_id, task in tasks.items()}


def test_flower_shows_runs_under_their_jobs_names_as_they_ended(
    flower: Ask, start_worker: StartWorker, send: Send, ledger: Ledger
) -> None:
    wait_until(lambda: flower("/api/tasks") is not None, timeout_seconds=60)
    start_worker("-c", "1", "-E", "-n", "one@test")
    good, bad = send("acme.quick"), send("acme.nothing")
    again = send("acme.nothing", retry={"max_retries": 1, "delay": "1h"})
    ended = {str(good): "SUCCESS", str(bad): "FAILURE", str(again): "RETRY"}
    wait_until(lambda: states(flower) == ended)
    shown = flower("/api/tasks")[str(good)]
    assert (shown["name"], shown["worker"]) == ("test/job", "one@test")
    assert ledger.state(good) == "succeeded"


def test_flower_shows_the_worker_and_its_queues(flower: Ask, start_worker: StartWorker) -> None:
    wait_until(lambda: flower("/api/tasks") is not None, timeout_seconds=60)
    start_worker("-c", "1", "-E", "-n", "one@test", "-Q", "high,low")
    wait_until(lambda: flower("/api/workers?refresh=true"))
    queues = flower("/api/workers?refresh=true")["one@test"]["active_queues"]
    assert sorted(queue["name"] for queue in queues) == ["high", "low"]


def test_flower_shows_how_deep_a_queue_is_over_all_priorities(own_broker: str, flower: Ask) -> None:
    runs = [OutgoingRun(str(uuid.uuid4()), 0, "test/job", "default", n) for n in (None, 0, 9)]
    Sender(make_app(Settings(broker_url=own_broker))).send(runs, datetime.now(UTC))
    wait_until(lambda: flower("/api/queues/length") is not None, timeout_seconds=60)
    assert flower("/api/queues/length") == {"active_queues": [{"name": "default", "messages": 3}]}
