"""What programs that count Celery's events make of ours: read as they do, by a plain app of Celery."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from celery import Celery
from celery.events import EventReceiver

from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker


@dataclass
class Counted:
    """The events so far, each with what its task was known as by then."""

    state: Any
    events: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(type, id, name of the task, worker)."""
    beats: set[str] = field(default_factory=set)
    """Workers that gave a sign of life."""

    def take(self, event: Any) -> None:
        """One event."""
        self.state.event(event)
        if event["type"].startswith("worker-"):
            self.beats.add(event["hostname"])
            return
        task = self.state.tasks.get(event["uuid"])
        self.events.append((event["type"], event["uuid"], task.name, task.hostname))

    def types_of(self, run_id: object) -> set[str]:
        """Of one run."""
        return {kind for kind, uuid, _, _ in self.events if uuid == str(run_id)}


@pytest.fixture
def counted(broker_url: str) -> Iterator[Counted]:
    app = Celery(broker=broker_url)
    found, is_ready = Counted(app.events.State()), threading.Event()

    class Receiver(EventReceiver):
        def on_consume_ready(self, *args: Any, **kwargs: Any) -> None:
            super().on_consume_ready(*args, **kwargs)
            is_ready.set()

    with app.connection() as connection:
        receiver = Receiver(connection, handlers={"*": found.take}, app=app)
        thread = threading.Thread(target=receiver.capture, kwargs={"timeout": None}, daemon=True)
        thread.start()
        assert is_ready.wait(60)
        yield found
        receiver.should_stop = True
        thread.join(20)


def test_events_name_the_job_the_worker_the_time_and_the_end(
    counted: Counted, start_worker: StartWorker, send: Send
) -> None:
    start_worker("-c", "1", "-E", "-n", "one@test")
    good, bad = send("acme.quick"), send("acme.slow", kwargs={"file": "/no/such/folder/file"})
    begun = {"task-received", "task-started"}
    wait_until(lambda: counted.types_of(good) == {*begun, "task-succeeded"}, timeout_seconds=60)
    wait_until(lambda: counted.types_of(bad) == {*begun, "task-failed"}, timeout_seconds=60)
    assert {(name, worker) for _, _, name, worker in counted.events} == {("test/job", "one@test")}
    assert counted.beats == {"one@test"}
    assert counted.state.tasks[str(good)].runtime >= 0
    assert counted.state.tasks[str(bad)].exception == "FileNotFoundError()"
