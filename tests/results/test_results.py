"""`AsyncResult(run_id)` tells what is recorded of a run, as Celery's code expects it."""

import threading
import uuid
from typing import Any

import pytest
from celery import Celery, states
from celery.exceptions import (
    TaskRevokedError,
    TimeLimitExceeded,
    WorkerLostError,
)
from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import ResultSet
from sqlalchemy import Engine, func, make_url

from jobrunner.broker import make_app
from jobrunner.db.attempts import Ending, finish
from jobrunner.errors import Conflict
from jobrunner.run import RunState
from jobrunner.settings import Settings
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Celery[Any]:
    """Jobrunner's own app, whose environment names the database."""
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    return make_app(Settings())


def start(ledger: Ledger) -> uuid.UUID:
    run_id = ledger.add_run(ledger.add_job(name=uuid.uuid4().hex))
    ledger.claim(run_id)
    return run_id


def end(ledger: Ledger, run_id: uuid.UUID, ending: Ending) -> None:
    with ledger.engine.begin() as connection:
        held = ledger.claim_of(run_id)
        assert finish(connection, held, ending) is not None


def ended(ledger: Ledger, ending: Ending) -> uuid.UUID:
    run_id = start(ledger)
    end(ledger, run_id, ending)
    return run_id


def result_of(app: Celery[Any], run_id: object) -> Any:
    """An AsyncResult; its stubs know neither `exists()` nor the state REVOKED."""
    return app.AsyncResult(str(run_id))


SUCCEEDED = Ending(RunState.SUCCEEDED, "succeeded", result='{"n": 1}')


def failed(error_type: str, error: str) -> Ending:
    return Ending(
        RunState.FAILED, "failed", error_type=error_type, error=error, traceback="Traceback: …"
    )


def test_a_run_that_succeeded_has_its_result(app: Celery[Any], ledger: Ledger) -> None:
    run_id = ended(ledger, SUCCEEDED)
    result = result_of(app, run_id)
    assert (result.state, result.get(), result.result) == (states.SUCCESS, {"n": 1}, {"n": 1})
    assert result.successful()
    assert result.date_done == ledger.run(run_id)["finished_at"]


def test_an_unknown_id_and_what_is_none_are_pending(app: Celery[Any]) -> None:
    assert result_of(app, uuid.uuid4()).state == states.PENDING
    assert result_of(app, "no id of ours").state == states.PENDING
    assert not result_of(app, "no id of ours").exists()


def test_a_queued_run_is_pending_and_exists(app: Celery[Any], ledger: Ledger) -> None:
    result = result_of(app, ledger.add_run(ledger.add_job()))
    assert (result.state, result.result, result.exists()) == (states.PENDING, None, True)


def test_a_run_under_way_tells_its_progress(app: Celery[Any], ledger: Ledger) -> None:
    run_id = start(ledger)
    ledger.change_run(run_id, progress={"percent": 40.0, "message": "four of ten"})
    result = result_of(app, run_id)
    assert result.state == states.STARTED
    assert (result.info["percent"], result.info["hostname"]) == (40.0, "worker@test")


def test_a_failed_run_raises_its_exception(app: Celery[Any], ledger: Ledger) -> None:
    result = result_of(app, ended(ledger, failed("ValueError", "ValueError: no such customer")))
    assert (result.state, result.traceback) == (states.FAILURE, "Traceback: …")
    with pytest.raises(ValueError, match=r"^no such customer$"):
        result.get()


def test_an_exception_that_is_not_imported_here_keeps_its_name(
    app: Celery[Any], ledger: Ledger
) -> None:
    result = result_of(app, ended(ledger, failed("acme.Refused", "Refused: no")))
    assert (type(result.result).__name__, str(result.result)) == ("Refused", "no")


@pytest.mark.parametrize(
    ("error_type", "raised"), [("timeout", TimeLimitExceeded), ("lost", WorkerLostError)]
)
def test_what_celery_has_a_name_for_is_called_so(
    app: Celery[Any], ledger: Ledger, error_type: str, raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        result_of(app, ended(ledger, failed(error_type, "told"))).get()


def test_a_run_that_is_tried_again_is_in_retry(app: Celery[Any], ledger: Ledger) -> None:
    run_id = start(ledger)
    ledger.change_run(
        run_id, state="queued", lease_until=None, available_at=func.now(), error="ValueError: no"
    )
    result = result_of(app, run_id)
    assert (result.state, result.retries) == (states.RETRY, 0)
    assert isinstance(result.result, Exception)


@pytest.mark.parametrize("state", ["cancelled", "expired", "skipped", "missed"])
def test_a_run_that_was_not_done_is_revoked(app: Celery[Any], ledger: Ledger, state: str) -> None:
    run_id = ledger.add_run(ledger.add_job(), state=state, finished_at=func.now(), error="why")
    result = result_of(app, run_id)
    assert result.state == states.REVOKED
    with pytest.raises(TaskRevokedError, match="why"):
        result.get()


def test_get_waits_for_the_end(app: Celery[Any], ledger: Ledger) -> None:
    run_id = start(ledger)
    later = threading.Timer(0.3, end, [ledger, run_id, SUCCEEDED])
    later.start()
    assert result_of(app, run_id).get(timeout=20, interval=0.05) == {"n": 1}
    later.join()


def test_get_gives_up_after_its_time_out(app: Celery[Any], ledger: Ledger) -> None:
    with pytest.raises(ResultTimeout):
        result_of(app, start(ledger)).get(timeout=0.1)


def test_several_are_joined(app: Celery[Any], ledger: Ledger) -> None:
    both = [result_of(app, ended(ledger, SUCCEEDED)) for _ in range(2)]
    assert ResultSet(both, app=app).get(timeout=30) == [{"n": 1}, {"n": 1}]


def test_nothing_can_be_forgotten(app: Celery[Any], ledger: Ledger) -> None:
    run_id = ended(ledger, SUCCEEDED)
    with pytest.raises(Conflict, match="cannot be forgotten"):
        result_of(app, run_id).forget()
    assert result_of(app, run_id).get() == {"n": 1}


def test_results_of_other_tasks_are_passed_over(app: Celery[Any], ledger: Ledger) -> None:
    run_id = ended(ledger, SUCCEEDED)
    app.backend.mark_as_failure(str(run_id), ValueError("forged"))
    app.backend.mark_as_done("another", 1)
    assert result_of(app, run_id).get() == {"n": 1}
    assert result_of(app, "another").state == states.PENDING


def test_chords_are_refused_in_a_sentence(app: Celery[Any]) -> None:
    with pytest.raises(NotImplementedError, match="only reads runs"):
        app.backend.ensure_chords_allowed()


@pytest.mark.parametrize("scheme", ["jobrunner+postgresql", "jobrunner+postgresql+psycopg2"])
def test_any_app_reads_the_database_that_its_url_names(
    scheme: str, ledger: Ledger, database_url: str
) -> None:
    url = make_url(database_url).set(drivername=scheme).render_as_string(hide_password=False)
    theirs = Celery("theirs", set_as_current=False, backend=url)
    assert result_of(theirs, ended(ledger, SUCCEEDED)).get() == {"n": 1}


@pytest.mark.parametrize("backend", ["jobrunner", "jobrunner://"])
def test_any_app_reads_the_database_that_its_environment_names(
    backend: str, ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    theirs = Celery("theirs", set_as_current=False, backend=backend)
    assert result_of(theirs, ended(ledger, SUCCEEDED)).get() == {"n": 1}
