"""The pages of runs: the list with its filters, several at once, and one run."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert
from starlette.testclient import TestClient

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT, write_pieces
from tests.ledger import NOON, Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]


def _add_failed(ledger: Ledger, job_id: uuid.UUID, error: str = "boom") -> uuid.UUID:
    run_id = ledger.add_run(job_id, created_by="ada")
    ledger.end_run(run_id, "failed", error=error)
    return run_id


def _add_failed_attempt(engine: Engine, run_id: uuid.UUID, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(tables.attempts).values(
                run_id=run_id,
                number=1,
                state="failed",
                claim_token=uuid.uuid4(),
                worker="worker@host",
                pid=7,
                started_at=NOON,
                finished_at=NOON + timedelta(seconds=102),
                **values,
            )
        )


def _write(engine: Engine, run_id: uuid.UUID, text: str, *, attempt: int = 1) -> None:
    with transaction(engine) as connection:
        write_pieces(connection, run_id, attempt, [(0, text)])


# --- The list ---------------------------------------------------------------------------------------


def test_the_list_shows_a_run_with_its_error(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = _add_failed(ledger, ledger.add_job(), "ConnectionError: no answer")
    page = client.get("/runs", headers=sign("viewer")).text
    assert f'href="/runs/{run_id}"' in page
    assert "ConnectionError: no answer" in page


def test_of_a_long_error_a_row_has_the_beginning_and_the_page_of_the_run_all(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = _add_failed(ledger, ledger.add_job(), f"ValueError: {'long ' * 150}its end")
    row = client.get("/runs", headers=sign("viewer")).text
    whole = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert ("ValueError: long" in row, "its end" in row) == (True, False)
    assert "its end" in whole


@pytest.mark.parametrize(
    "query",
    [
        {"state": "failed"},
        {"job": "test/wanted"},
        {"text": "DISK is"},
        {"trigger": "backfill"},
        {"queue": "wanted"},
        {"last": "hour"},
    ],
)
def test_each_filter_leaves_out_what_does_not_match(
    query: dict[str, str], client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    now = datetime.now(UTC)
    other = ledger.add_run(ledger.add_job(name="other"))
    wanted = ledger.add_run(
        ledger.add_job(name="wanted"), trigger="backfill", queue="wanted", scheduled_for=now
    )
    ledger.end_run(wanted, "failed", error="OSError: disk is full")
    page = client.get("/runs", params=query, headers=sign("viewer")).text
    assert (str(wanted) in page, str(other) in page) == (True, False)


def test_a_namespace_alone_is_a_filter_too(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    shown = client.get("/runs", params={"job": "test"}, headers=sign("viewer")).text
    others = client.get("/runs", params={"job": "tes"}, headers=sign("viewer")).text
    assert (str(run_id) in shown, "No run matches." in others) == (True, True)


def test_the_next_page_begins_where_the_first_one_ended(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    runs = [ledger.add_run(job_id, scheduled_for=NOON - timedelta(hours=n)) for n in range(51)]
    first = client.get("/runs", headers=sign("viewer")).text
    address = first.partition('" rel="next"')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = client.get(address, headers=sign("viewer")).text
    assert [str(run_id) in first for run_id in runs] == [True] * 50 + [False]
    assert [str(run_id) in second for run_id in runs] == [False] * 50 + [True]


def test_an_empty_list_says_what_to_do_next(client: TestClient, sign: Sign) -> None:
    assert "jobrunner run NAMESPACE/JOB" in client.get("/runs", headers=sign("viewer")).text


def test_who_sees_his_own_runs_only_finds_no_other(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    own = ledger.add_run(job_id, created_by="bob")
    other = ledger.add_run(job_id, created_by="ada")
    page = client.get("/runs", headers=sign("viewer", subject="bob", own_runs_only=True)).text
    assert (str(own) in page, str(other) in page) == (True, False)


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"text": "\0"}, {"state": "odd"}, {"after": "WyJhIiwiYiJd"}]
)
def test_fault_77_a_filter_that_is_none_is_refused(
    query: dict[str, str], client: TestClient, sign: Sign
) -> None:
    assert client.get("/runs", params=query, headers=sign("viewer")).status_code == 422


def test_what_is_wrong_with_an_address_is_a_page_for_a_person(
    client: TestClient, sign: Sign
) -> None:
    headers = sign("viewer") | {"Accept": "text/html"}
    told = client.get("/runs?state=odd", headers=headers)
    assert (told.status_code, "<h1>This address cannot be read.</h1>" in told.text) == (422, True)


def test_fault_77_quotes_in_a_filter_are_text(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = _add_failed(ledger, ledger.add_job(), "it's '; DROP TABLE runs --")
    query = {"text": "'; drop table runs --"}
    assert str(run_id) in client.get("/runs", params=query, headers=sign("viewer")).text


def test_a_viewer_is_offered_nothing_to_do(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_run(ledger.add_job())
    assert "/runs/several" not in client.get("/runs", headers=sign("viewer")).text


# --- Several at once --------------------------------------------------------------------------------


def test_several_are_asked_for_once_with_their_number(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    runs = [ledger.add_run(job_id) for _ in range(3)]
    asked = client.post(
        "/runs/several",
        data={"act": "cancel", "run": [str(run_id) for run_id in runs]},
        headers=sign("operator"),
    )
    assert "Cancel 3 runs?" in asked.text
    assert [ledger.state(run_id) for run_id in runs] == ["queued"] * 3


def test_several_are_cancelled_and_what_cannot_be_keeps_none_of_the_others(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    queued, over = ledger.add_run(job_id), _add_failed(ledger, job_id)
    done = client.post(
        "/runs/several",
        data={"act": "cancel", "is_sure": "yes", "run": [str(over), str(queued)]},
        headers=sign("operator"),
    )
    assert "Cancel: 1 of 2 runs" in done.text
    assert "there is nothing to cancel" in done.text
    assert (ledger.state(queued), ledger.state(over)) == ("cancelled", "failed")


def test_the_same_retry_of_several_sent_twice_makes_one_new_run_of_each(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    runs = [_add_failed(ledger, job_id), _add_failed(ledger, job_id)]
    form = {"act": "retry", "is_sure": "yes", "once": "a", "run": [str(each) for each in runs]}
    headers = sign("operator")
    client.post("/runs/several", data=form, headers=headers)
    client.post("/runs/several", data=form, headers=headers)
    assert len(ledger.run_ids()) == 4


def test_fault_82_what_is_of_others_is_told_as_what_does_not_exist(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    done = client.post(
        "/runs/several",
        data={"act": "cancel", "is_sure": "yes", "run": [str(run_id)]},
        headers=sign("operator", namespaces=["other"]),
    )
    assert f"There is no run {run_id}." in done.text
    assert ledger.state(run_id) == "queued"


@pytest.mark.parametrize(
    "form", [{"act": "cancel"}, {"act": "delete", "run": str(uuid.UUID(int=1))}]
)
def test_several_of_none_are_refused(form: dict[str, str], client: TestClient, sign: Sign) -> None:
    assert client.post("/runs/several", data=form, headers=sign("operator")).status_code == 422


# --- One run ----------------------------------------------------------------------------------------


def test_a_run_shows_its_attempts_with_traceback_worker_and_memory(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    _add_failed_attempt(
        engine,
        run_id,
        error="ValueError: seven",
        traceback="Traceback:\n  in fetch",
        memory_peak_bytes=3 * 1024**2,
    )
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert "ValueError: seven" in page
    assert "Traceback:\n  in fetch" in page
    assert '<td class="number">1m 42s</td>' in page
    assert '<td class="number">3</td>' in page
    assert "worker@host" in page


def test_a_run_says_who_started_it_and_what_it_was_given(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job(kwargs={"day": "monday"})
    run_id = ledger.add_run(job_id, created_by="ada", kwargs={"limit": 7})
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert "ada started it." in page
    assert "&#34;monday&#34;" in page
    assert '<code class="value">7</code> <span class="hint">given for this run' in page


def test_a_sensitive_argument_is_masked_even_where_it_was_stored_as_it_is(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job(kwargs={"key": "hunter2"}, sensitive=["key"])
    page = client.get(f"/runs/{ledger.add_run(job_id)}", headers=sign("admin")).text
    assert ("(sensitive)" in page, "hunter2" in page) == (True, False)


def test_a_run_shows_where_it_is_defined_and_its_trace(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    run_id = ledger.add_run(ledger.add_job(), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert f'<dd class="address">{trace}</dd>' in page


def test_progress_and_phases_are_shown_while_it_runs(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    phase = {"name": "load", "depth": 0, "started_at": "2026-11-21T12:00:00+00:00"}
    ledger.change_run(
        run_id,
        progress={
            "attempt": 1,
            "percent": 62.5,
            "message": "25 of 40",
            "phases": [{**phase, "ended_at": None, "error": None}],
            "phases_left_out": 0,
        },
    )
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert '<progress max="100" value="62.5"' in page
    assert "25 of 40" in page
    assert "goes on" in page


def test_the_output_of_each_attempt_is_told_apart(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    _write(engine, run_id, "first\n")
    _write(engine, run_id, "second\n", attempt=2)
    _write(engine, run_id, "swept\n", attempt=CLEAN_UP_ATTEMPT + 1)
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    heads = [page.index(f"<h3>{name}</h3>") for name in ("Attempt 1", "Attempt 2", "Clean-up")]
    assert heads == sorted(heads)


def test_of_long_output_the_end_is_shown_and_all_of_it_is_one_step_away(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    _write(engine, run_id, "the begin\n" + "x" * 99 + "\n" + "line\n" * 20_000 + "the end\n")
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    whole = client.get(f"/runs/{run_id}/output", headers=sign("viewer"))
    assert ("the begin" in page, "the end" in page) == (False, True)
    assert "the begin" in whole.text
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"


def test_fault_78_output_shows_no_escape_sequence_and_turns_no_line_around(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    _write(engine, run_id, "\x1b[31mred\x1b[0m \u202eabc\u202c \x07\n")
    page = client.get(f"/runs/{run_id}", headers=sign("viewer")).text
    assert "red \\x202eabc\\x202c \\x07" in page


def test_the_stream_gives_what_the_page_has_not_shown_and_ends_with_the_run(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    with transaction(engine) as connection:
        write_pieces(connection, run_id, 1, [(0, "seen\n"), (1, "\x1b[1mnew\x1b[0m\n")])
    told = client.get(f"/runs/{run_id}/stream?after=1-0", headers=sign("viewer")).text
    data = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    assert [each.get("text") or each["state"] for each in data] == ["new\n", "failed"]


def test_a_cancel_leads_back_to_the_run(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    told = client.post(f"/runs/{run_id}/cancel", headers=sign("operator")).text
    assert "Cancelled: it never starts." in told
    assert ledger.state(run_id) == "cancelled"


def test_the_same_retry_sent_twice_is_one_new_run(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = _add_failed(ledger, ledger.add_job())
    headers = sign("operator")
    first = client.post(f"/runs/{run_id}/retry", data={"once": "a"}, headers=headers)
    second = client.post(f"/runs/{run_id}/retry", data={"once": "a"}, headers=headers)
    assert first.url == second.url
    assert "This run does the other one again." in first.text
    assert len(ledger.run_ids()) == 2


@pytest.mark.parametrize("path", ["/runs/..%2f..%2fetc%2fpasswd", "/runs/1", "/runs/%00/output"])
def test_fault_75_what_is_no_id_is_looked_up_nowhere(
    path: str, client: TestClient, sign: Sign
) -> None:
    assert client.get(path, headers=sign("admin")).status_code in {404, 422}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("since=2026-11-21T13:00", {1, 2}),
        ("until=2026-11-21T13:00", {0}),
        ("since=2026-11-21T13:00&until=2026-11-21T14:00", {1}),
        ("since=2026-11-21T13:00Z", {2}),
        ("since=2026-11-21T13:00&last=hour", {1, 2}),
    ],
)
def test_runs_are_found_from_a_time_until_another_in_the_readers_zone(
    client: TestClient, sign: Sign, ledger: Ledger, query: str, shown: set[int]
) -> None:
    job_id = ledger.add_job()
    in_berlin = [datetime(2026, 11, 21, hour, tzinfo=UTC) for hour in (11, 12, 13)]
    runs = [str(ledger.add_run(job_id, scheduled_for=at)) for at in in_berlin]
    client.cookies.set("jobrunner_zone", "Europe/Berlin")
    page = client.get(f"/runs?{query}", headers=sign("viewer")).text
    assert {number for number, run in enumerate(runs) if f"/runs/{run}" in page} == shown


@pytest.mark.parametrize("since", ["soon", "2026-13-01T00:00", "0001-01-01T00:00"])
def test_what_is_no_time_is_told(client: TestClient, sign: Sign, since: str) -> None:
    client.cookies.set("jobrunner_zone", "Asia/Tokyo")
    headers = {**sign("viewer"), "Accept": "text/html"}
    answer = client.get("/runs", params={"since": since}, headers=headers)
    assert answer.status_code == 422
    assert "is no time." in answer.text
