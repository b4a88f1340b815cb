"""Celery's task objects as callables: their request, their retries, their exceptions."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery._state import get_current_app, get_current_task
from sqlalchemy import func

from jobrunner.db.attempts import Claim
from jobrunner.execute import Home, execute_run
from tests.execute.conftest import Execute
from tests.ledger import Ledger

TASKS = """
import asyncio
from datetime import UTC, date, datetime, timedelta

from celery import Celery, Task, current_app, current_task, shared_task
from celery.exceptions import Ignore, Reject

import jobrunner

app = Celery("theirs", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")


class Flaky(Exception):
    pass


class Wrapped(Task):
    def __call__(self, *args, **kwargs):
        return ["wrapped", super().__call__(*args, **kwargs)]


class Classy(app.Task):
    name = "classy"

    def run(self, a):
        return [a, self.request.id]


classy = app.register_task(Classy())


@app.task
def add(a, b=0):
    return a + b


@shared_task
def shared(a):
    return a


@app.task(bind=True)
def request(self, day: date, n=0):
    asked = self.request
    return {
        "id": asked.id,
        "retries": asked.retries,
        "args": [str(one) for one in asked.args],
        "kwargs": asked.kwargs,
        "hostname": asked.hostname,
        "queue": asked.delivery_info["routing_key"],
        "called_directly": asked.called_directly,
        "is_eager": asked.is_eager,
        "root_id": asked.root_id,
        "time_limit": asked.time_limit,
        "task": current_task.name,
        "app": current_app.main,
        "run": str(jobrunner.current_run().id),
    }


@app.task(bind=True, max_retries=2)
def flaky(self, countdown=60):
    try:
        raise Flaky("down")
    except Flaky as error:
        raise self.retry(exc=error, countdown=countdown)


@app.task(bind=True)
def later(self):
    raise self.retry(eta=datetime.now(UTC) + timedelta(hours=1))


@app.task(bind=True)
def later_without_a_zone(self):
    raise self.retry(eta=datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1))


@app.task(bind=True)
def long_ago(self):
    raise self.retry(eta=datetime(2020, 1, 1, tzinfo=UTC))


@app.task(bind=True)
def other_arguments(self, n):
    raise self.retry(kwargs={"n": n + 1}, countdown=1)


@app.task(bind=True)
def same_arguments(self, n, m=1):
    raise self.retry(args=(n,), kwargs={"m": m}, countdown=1)


@app.task(autoretry_for=(Flaky,), retry_backoff=30, retry_jitter=False, max_retries=1)
def auto():
    raise Flaky("down")


@app.task(autoretry_for=(Flaky,), retry_kwargs={"max_retries": 1, "countdown": 7}, bind=True)
def auto_kwargs(self):
    if self.request.retries < 1:
        raise Flaky("down")
    return self.request.retries


@app.task(bind=True)
async def coroutine(self):
    await asyncio.sleep(0)
    if self.request.retries:
        return [self.request.id, current_task.name]
    raise self.retry(countdown=5)


@app.task
def ignored():
    raise Ignore


@app.task
def rejected():
    raise Reject("no", requeue=True)


@app.task(bind=True)
def updating(self):
    self.update_state(state="PROGRESS", meta={"done": 1})
    return "updated"


@app.task(base=Wrapped, bind=True)
def wrapped(self):
    return self.request.id


@app.task
def calls_another():
    return add(1, b=2)
"""


@pytest.fixture
def tasks() -> str:
    """What the module `acme` holds: tasks of an app of its own, whose servers do not exist."""
    return TASKS


@pytest.fixture
def again(home: Home, ledger: Ledger) -> Any:
    """`again(run_id)`: the next attempt, now."""

    def make(run_id: uuid.UUID) -> None:
        ledger.change_run(run_id, available_at=func.now())
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is not None

    return make


class TestCall:
    @pytest.mark.parametrize("task", ["acme.add", "acme.shared"])
    def test_a_task_is_called_as_a_function_is(
        self, execute: Execute, ledger: Ledger, task: str
    ) -> None:
        assert ledger.run(execute(task, args=[3]))["result"] == 3

    def test_the_request_tells_of_the_run(self, execute: Execute, ledger: Ledger) -> None:
        run_id = execute(
            "acme.request", args=["2026-11-21"], kwargs={"n": 2}, queue="high", timeout="90s"
        )
        assert ledger.run(run_id)["result"] == {
            "id": str(run_id),
            "retries": 0,
            "args": ["2026-11-21"],
            "kwargs": {"n": 2},
            "hostname": "worker@test",
            "queue": "high",
            "called_directly": False,
            "is_eager": True,
            "root_id": str(run_id),
            "time_limit": 90.0,
            "task": "acme.request",
            "app": "theirs",
            "run": str(run_id),
        }

    def test_the_tasks_own_app_is_the_current_one_as_long_as_it_is_called(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        execute("acme.add", args=[1])
        other = Celery("other")
        run_id = execute("acme.request", args=["2026-11-21"])
        assert ledger.run(run_id)["result"]["app"] == "theirs"
        assert [get_current_app(), get_current_task()] == [other, None]

    def test_a_base_class_may_have_its_own_way_of_calling(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        run_id = execute("acme.wrapped")
        assert ledger.run(run_id)["result"] == ["wrapped", str(run_id)]

    def test_a_task_that_is_a_class_is_called(self, execute: Execute, ledger: Ledger) -> None:
        run_id = execute("acme.classy", args=[1])
        assert ledger.run(run_id)["result"] == [1, str(run_id)]

    def test_a_task_may_call_another_as_a_function(self, execute: Execute, ledger: Ledger) -> None:
        assert ledger.run(execute("acme.calls_another"))["result"] == 3

    def test_update_state_needs_no_result_back_end(self, execute: Execute, ledger: Ledger) -> None:
        assert ledger.run(execute("acme.updating"))["result"] == "updated"

    def test_arguments_are_told_with_the_signature_without_self(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        told = ledger.run(execute("acme.request", args=["soon"]))["error"]
        assert "day is 'soon', and day takes datetime.date" in told
        assert "It is request(day: datetime.date, n=0)." in told

    def test_ignore_is_a_success_without_a_result(self, execute: Execute, ledger: Ledger) -> None:
        row = ledger.run(execute("acme.ignored"))
        assert (row["state"], row["result"], row["error"]) == ("succeeded", None, None)

    def test_reject_is_a_failure(self, execute: Execute, ledger: Ledger) -> None:
        run_id = execute("acme.rejected")
        assert ledger.state(run_id) == "failed"
        assert ledger.attempts(run_id)[0].error_type == "celery.exceptions.Reject"


class TestRetry:
    def test_a_retry_is_another_attempt_of_the_same_run(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        run_id = execute("acme.flaky")
        assert ledger.state(run_id) == "queued"
        assert ledger.seconds_until_available(run_id) == pytest.approx(60, abs=2)
        (attempt,) = ledger.attempts(run_id)
        assert (attempt.state, attempt.error_type) == ("failed", "acme.Flaky")
        assert attempt.error == "asked to be tried again in 1m, after Flaky: down"

    def test_celerys_own_limit_ends_it_with_the_original_exception(
        self, execute: Execute, ledger: Ledger, again: Any
    ) -> None:
        run_id = execute("acme.flaky")
        again(run_id)
        assert ledger.state(run_id) == "queued"
        again(run_id)
        assert (ledger.state(run_id), ledger.run(run_id)["error"]) == ("failed", "Flaky: down")
        assert len(ledger.attempts(run_id)) == 3

    def test_the_retries_of_the_job_do_not_cap_it(
        self, execute: Execute, ledger: Ledger, again: Any
    ) -> None:
        run_id = execute("acme.flaky", retry={"max_retries": 1, "delay": "5m"})
        again(run_id)
        assert ledger.state(run_id) == "queued"
        assert ledger.seconds_until_available(run_id) == pytest.approx(60, abs=2)

    @pytest.mark.parametrize(
        ("task", "wait"),
        [
            ("acme.later", timedelta(hours=1)),
            ("acme.later_without_a_zone", timedelta(hours=1)),
            ("acme.long_ago", timedelta(0)),
            ("acme.auto", timedelta(seconds=30)),
            ("acme.auto_kwargs", timedelta(seconds=7)),
            ("acme.same_arguments", timedelta(seconds=1)),
            ("acme.coroutine", timedelta(seconds=5)),
        ],
    )
    def test_the_task_says_when(
        self, execute: Execute, ledger: Ledger, task: str, wait: timedelta
    ) -> None:
        run_id = execute(task, kwargs={"n": 5} if task == "acme.same_arguments" else {})
        assert ledger.state(run_id) == "queued"
        waits = ledger.seconds_until_available(run_id)
        assert waits == pytest.approx(wait.total_seconds(), abs=3)

    @pytest.mark.parametrize(("countdown", "days"), [(-5, 0), (1e18, 36525)])
    def test_a_countdown_is_kept_within_bounds(
        self, execute: Execute, ledger: Ledger, countdown: float, days: int
    ) -> None:
        run_id = execute("acme.flaky", kwargs={"countdown": countdown})
        waits = timedelta(seconds=ledger.seconds_until_available(run_id))
        assert waits / timedelta(days=1) == pytest.approx(days, abs=0.1)

    def test_the_next_attempt_knows_how_many_were_before(
        self, execute: Execute, ledger: Ledger, again: Any
    ) -> None:
        run_id = execute("acme.auto_kwargs")
        again(run_id)
        assert ledger.run(run_id)["result"] == 1

    def test_a_coroutine_has_its_request_to_its_end(
        self, execute: Execute, ledger: Ledger, again: Any
    ) -> None:
        run_id = execute("acme.coroutine")
        again(run_id)
        assert ledger.run(run_id)["result"] == [str(run_id), "acme.coroutine"]

    def test_other_arguments_for_the_next_attempt_are_refused(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        run_id = execute("acme.other_arguments", args=[1])
        assert ledger.state(run_id) == "failed"
        assert "with other arguments, and a run keeps its own" in ledger.run(run_id)["error"]

    def test_a_cancel_wins(self, home: Home, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job("acme.flaky"))
        execute_run(home, Claim(run_id, uuid.uuid4()))
        ledger.change_run(run_id, available_at=func.now(), cancel_requested_at=datetime.now(UTC))
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is None
        assert ledger.state(run_id) == "cancelled"
