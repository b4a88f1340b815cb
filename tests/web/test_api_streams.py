"""Server-sent events of runs, and their output."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.access.tokens import parse_token
from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import write_pieces
from jobrunner.db.tokens import revoke_token
from jobrunner.web.run_watch import STREAMS_OF_A_SUBJECT_MAX, RunWatch
from tests.ledger import Ledger
from tests.waiting import wait_until
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
Listen = Callable[..., "Future[Response]"]


@pytest.fixture
def watch(client: TestClient) -> RunWatch:
    """What all streams of the app share."""
    found: RunWatch = client.app.state.run_watch  # type: ignore[attr-defined]  # FastAPI's own
    return found


@pytest.fixture
def listen(client: TestClient, watch: RunWatch) -> Iterator[Listen]:
    """Opens a stream, which is heard when it has ended; returns once it is open."""
    with ThreadPoolExecutor(4) as pool:

        def start(path: str, headers: Headers) -> "Future[Response]":
            before = watch.count()
            heard = pool.submit(client.get, path, headers=headers)
            wait_until(lambda: watch.count() > before or heard.done())
            return heard

        yield start


def _have_heard(watch: RunWatch) -> bool:
    return all(listener.has_heard for listener in tuple(watch.listeners))


def _events(answer: Response) -> list[tuple[str, Any]]:
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if "data:" in block]
    lines = [dict(line.split(": ", 1) for line in block) for block in blocks]
    return [(one["event"], json.loads(one["data"])) for one in lines]


def _ids(answer: Response) -> list[str]:
    return [line[4:] for line in answer.text.split("\n") if line.startswith("id: ")]


def _write(engine: Engine, run_id: uuid.UUID, *pieces: tuple[int, str]) -> None:
    with transaction(engine) as connection:
        write_pieces(connection, run_id, 1, pieces)


def test_a_stream_tells_each_state_until_the_end(
    listen: Listen, sign: Sign, ledger: Ledger, watch: RunWatch
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    ledger.change_run(run_id, progress={"percent": 40})
    heard = listen(f"/api/v1/runs/{run_id}/events", sign("viewer"))
    wait_until(lambda: _have_heard(watch))
    ledger.end_run(run_id, "failed", error="no disk")
    events = _events(heard.result(20))
    assert [(name, data.get("state")) for name, data in events] == [
        ("state", "running"),
        ("progress", None),
        ("state", "failed"),
        ("end", "failed"),
    ]
    assert watch.count() == 0


def test_a_stream_of_a_run_that_is_over_ends_at_once(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "succeeded")
    answer = client.get(f"/api/v1/runs/{run_id}/events", headers=sign("viewer"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in _events(answer)] == ["state", "end"]


def test_head_of_a_stream_is_over_with_its_headers(
    client: TestClient, sign: Sign, ledger: Ledger, watch: RunWatch
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    answer = client.head(f"/api/v1/runs/{run_id}/events", headers=sign("viewer"))
    assert (answer.status_code, answer.content, watch.count()) == (200, b"", 0)
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_who_comes_back_is_told_nothing_twice(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    _write(engine, run_id, (0, "one\n"), (1, "two\n"))
    ledger.end_run(run_id, "succeeded", progress={"percent": 1})
    for path in (f"/api/v1/runs/{run_id}/events", f"/api/v1/runs/{run_id}/logs?follow=true"):
        first = client.get(path, headers=sign("viewer"))
        again = client.get(path, headers={**sign("viewer"), "Last-Event-ID": _ids(first)[-1]})
        assert len(_events(first)) == 3
        assert [name for name, _ in _events(again)] == ["end"]


def test_output_is_followed_as_it_comes(
    listen: Listen, sign: Sign, ledger: Ledger, engine: Engine, watch: RunWatch
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    _write(engine, run_id, (0, "one\n"))
    heard = listen(f"/api/v1/runs/{run_id}/logs?follow=true", sign("viewer"))
    wait_until(lambda: _have_heard(watch))
    _write(engine, run_id, (1, "two\nid: 9\n\nevent: end\n"))
    ledger.end_run(run_id, "succeeded")
    told = [(name, data.get("text")) for name, data in _events(heard.result(20))]
    assert told == [
        ("output", "one\n"),
        ("output", "two\nid: 9\n\nevent: end\n"),
        ("end", None),
    ]


def test_a_note_of_what_was_cut_comes_with_the_end(
    listen: Listen, sign: Sign, ledger: Ledger, engine: Engine, watch: RunWatch
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    _write(engine, run_id, (0, "one\n"), (1, "two\n"))
    heard = listen(f"/api/v1/runs/{run_id}/logs?follow=true", sign("viewer"))
    wait_until(lambda: _have_heard(watch))
    _write(engine, run_id, (0, "[2 bytes cut]\n"))
    ledger.end_run(run_id, "succeeded")
    told = [data.get("text") for _, data in _events(heard.result(20))]
    assert sorted(filter(None, told)).count("[2 bytes cut]\n") == 1


def test_output_is_read_piece_by_piece(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    _write(engine, run_id, (0, "one\n"), (1, "two\n"))
    url = f"/api/v1/runs/{run_id}/logs?limit=1"
    first = client.get(url, headers=sign("viewer")).json()
    rest = client.get(f"{url}&after={first['next_after']}", headers=sign("viewer")).json()
    assert (first["items"][0]["text"], rest["items"][0]["text"]) == ("one\n", "two\n")
    assert rest["is_over"] is False


def test_fault_83_a_stream_ends_with_the_credentials_it_was_opened_with(
    listen: Listen, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    headers = sign("viewer")
    heard = listen(f"/api/v1/runs/{run_id}/events", headers)
    token = parse_token(headers["Authorization"].removeprefix("Bearer "))
    assert token is not None
    with transaction(engine) as connection:
        revoke_token(connection, token.id, actor="tests")
    assert "end" not in [name for name, _ in _events(heard.result(20))]


def test_a_caller_has_so_many_streams_and_no_more(
    client: TestClient, sign: Sign, ledger: Ledger, watch: RunWatch
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "succeeded")
    url = f"/api/v1/runs/{run_id}/events"
    watch.streams["ada"] = STREAMS_OF_A_SUBJECT_MAX
    refused = client.get(url, headers=sign("viewer", subject="ada"))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert client.get(url, headers=sign("viewer", subject="bob")).status_code == 200


def test_several_streams_each_end_with_their_run(
    listen: Listen, sign: Sign, ledger: Ledger, watch: RunWatch
) -> None:
    job_id = ledger.add_job()
    runs = [ledger.add_run(job_id) for _ in range(3)]
    heard = [listen(f"/api/v1/runs/{run_id}/events", sign("viewer")) for run_id in runs]
    assert watch.count() == 3
    for run_id in runs:
        ledger.end_run(run_id, "succeeded")
    assert [_events(one.result(20))[-1][0] for one in heard] == ["end"] * 3
