"""The client against the real processes, as a program on another machine has them."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

import jobrunner
from jobrunner.client import Client
from jobrunner.errors import (
    AccessDenied,
    Conflict,
    NotFound,
    ServerUnavailable,
    StalePlan,
    UsageError,
)
from tests.client.conftest import Connect
from tests.project import Project
from tests.waiting import wait_until

EACH_SECOND = {"task": "work.greet", "kwargs": {"name": "Bob"}, "schedule": {"every": "1s"}}


def test_a_schedule_that_a_program_makes_runs_until_it_is_switched_off(
    demo: Project, connect: Connect
) -> None:
    for _ in range(2):
        demo.start("beat").wait_for_line("beat")
    demo.start("worker", "-c", "1")
    client = connect()
    client.create_schedule("demo/ping", EACH_SECOND)
    wait_until(lambda: len(_succeeded(client, "demo/ping")) >= 2, timeout_seconds=60)
    client.disable_schedule("demo/ping")
    wait_until(lambda: all(run.is_over for run in client.runs(job="demo/ping")))
    off = client.schedule("demo/ping").schedules[0]
    times = [run.scheduled_for for run in client.runs(job="demo/ping")]
    assert off.next_run_at is None
    assert off.total_run_count == len(times) == len(set(times))
    assert off.last_run_at == max(times)
    assert list(client.runs(job="demo/greet")) == []
    assert demo.call("fsck").returncode == 0


def test_a_run_by_hand_is_waited_for_with_its_result_and_output(
    demo: Project, connect: Connect
) -> None:
    demo.start("beat")
    demo.start("worker", "-c", "1")
    client = connect("operator")
    asked = client.trigger("demo/greet", {"name": "Grace"}, request_id="1")
    again = client.trigger("demo/greet", {"name": "Grace"}, request_id="1")
    done = client.wait(asked.run_id, timeout_seconds=60)
    assert (again.run_id, again.is_new) == (asked.run_id, False)
    assert (done.state, done.result) == ("succeeded", "Grace")
    assert client.output(asked.run_id) == "Hello, Grace!\n"
    assert client.retry(asked.run_id).run_id != asked.run_id


def test_a_wait_that_is_too_short_tells_of_the_run_as_it_is(connect: Connect) -> None:
    client = connect("operator")
    asked = client.trigger("demo/greet")
    waiting = client.wait(asked.run_id, timeout_seconds=0.2)
    assert (waiting.state, waiting.is_over) == ("queued", False)
    assert client.cancel(asked.run_id) == "cancelled"
    assert client.wait(asked.run_id, timeout_seconds=0).is_over


def test_jobs_are_listed_paused_and_resumed(connect: Connect) -> None:
    client = connect("operator")
    client.pause("demo/greet", reason="a look", until=datetime(2099, 1, 1, tzinfo=UTC))
    (paused,) = client.jobs(namespace="demo")
    client.resume("demo/greet")
    (resumed,) = client.jobs()
    assert (paused.address, paused.paused, resumed.paused) == ("demo/greet", True, False)
    assert client.next_times("demo/greet", count=2)[0] == resumed.next_run_at


def test_schedules_are_made_changed_and_deleted(connect: Connect) -> None:
    client = connect()
    made = client.create_schedule("demo/mail", EACH_SECOND | {"enabled": False})
    changed = client.change_schedule("demo/mail", {"queue": "mail"}, digest=made.digest)
    with pytest.raises(StalePlan):
        client.replace_schedule("demo/mail", EACH_SECOND, digest=made.digest)
    client.enable_schedule("demo/mail")
    (listed,) = client.schedules(namespace="demo")
    client.delete_schedule("demo/mail")
    assert changed.definition is not None
    assert changed.definition["queue"] == "mail"
    assert (listed.address, listed.enabled) == ("demo/mail", True)
    assert list(client.schedules()) == []


def test_each_mistake_has_its_exception(connect: Connect) -> None:
    admin, viewer = connect(), connect("viewer")
    with pytest.raises(NotFound):
        admin.run(uuid.uuid4())
    with pytest.raises(Conflict, match=r"jobs\.d/demo\.yaml:4"):
        admin.disable_schedule("demo/greet")
    with pytest.raises(UsageError) as wrong:
        admin.create_schedule("demo/x", {"task": "work.greet", "schedule": {"cron": "61 * * * *"}})
    with pytest.raises(AccessDenied):
        viewer.trigger("demo/greet")
    with pytest.raises(UsageError):
        admin.trigger("demo/greet", {"name": float("nan")})
    assert "/schedule/cron: minute 61 is out of range" in wrong.value.hint


def test_without_a_server_it_says_where_it_has_looked() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{unused.getsockname()[1]}", "jr_x")
        with pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1"):
            list(client.jobs())


def test_a_file_is_no_server() -> None:
    with pytest.raises(UsageError, match="no web address"):
        Client("file:///etc/passwd", "jr_x")


def test_the_token_follows_no_redirect() -> None:
    with _listening(_Elsewhere) as elsewhere, pytest.raises(ServerUnavailable):
        list(Client(elsewhere, "jr_x").jobs())
    assert _Elsewhere.asked == ["/api/v1/jobs"]


def test_it_is_a_name_of_the_package() -> None:
    assert jobrunner.Client is Client


def _succeeded(client: Client, job: str) -> list[str]:
    return [run.state for run in client.runs(job=job, state="succeeded")]


class _Elsewhere(BaseHTTPRequestHandler):
    """Sends whoever asks to another path of its own."""

    asked: list[str] = []  # noqa: RUF012  one for the test

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/stolen")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def _listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
