"""The pages that Django's admin has of jobrunner: schedules and runs."""

import json
import uuid
from functools import partial
from typing import Any

import pytest
from django.test import Client
from sqlalchemy import Engine

from jobrunner import schedules
from jobrunner.contrib.django import trigger
from jobrunner.db.api_schedules import StoredJob, stored_job
from jobrunner.db.audit import page_of_acts
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause, pauses_in_force
from jobrunner.db.run_logs import write_pieces
from jobrunner.errors import NotFound
from tests.contrib.conftest import Rows
from tests.ledger import Ledger

SCHEDULES = "/admin/jobrunner/scheduledjob/"
RUNS = "/admin/jobrunner/run/"
HOURLY = {"task": "acme.tasks.tidy", "schedule": {"every": "1h"}}


@pytest.fixture
def made(administrator: Client) -> str:
    """The address of a job that the API owns."""
    del administrator
    schedules.create("shop/tidy", HOURLY)
    return "shop/tidy"


def page(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def send(client: Client, path: str, **fields: Any) -> str:
    """What the browser shows afterwards."""
    answer = client.post(path, fields, follow=True)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def job(engine: Engine, address: str) -> StoredJob:
    with transaction(engine) as connection:
        return stored_job(connection, address)


def page_of(engine: Engine, address: str) -> str:
    from jobrunner.contrib.django.models import ScheduledJob

    del engine
    return f"{SCHEDULES}{ScheduledJob.objects.get(address=address).pk}/"


def act(client: Client, engine: Engine, address: str, action: str) -> str:
    from jobrunner.contrib.django.models import ScheduledJob

    del engine
    chosen = str(ScheduledJob.objects.get(address=address).pk)
    return send(client, SCHEDULES, action=action, _selected_action=chosen)


def test_schedules_are_listed_in_words_with_the_place_that_defines_them(
    administrator: Client, made: str
) -> None:
    shown = page(administrator, SCHEDULES)
    assert made in shown
    assert "every hour" in shown
    assert "the API" in shown
    assert "jobs.d/test.yaml:1" in shown


def test_a_schedule_that_is_made_is_in_force_and_the_audit_names_the_administrator(
    administrator: Client, engine: Engine
) -> None:
    send(administrator, f"{SCHEDULES}add/", address="shop/new", definition=json.dumps(HOURLY))
    assert job(engine, "shop/new").schedules[0].next_run_at is not None
    with transaction(engine) as connection:
        (act_of_ada,) = page_of_acts(connection, target="shop/new", limit=5)
    assert act_of_ada.actor == "ada"
    assert act_of_ada.action == "schedule.create"


def test_a_mistake_in_a_definition_is_told_at_its_place_and_nothing_is_written(
    administrator: Client, engine: Engine
) -> None:
    wrong = json.dumps({"task": "acme.tasks.tidy", "schedule": {"cron": "61 * * * *"}})
    shown = send(administrator, f"{SCHEDULES}add/", address="shop/new", definition=wrong)
    assert "/schedule/cron: minute 61 is out of range 0-59" in shown
    with pytest.raises(NotFound):
        job(engine, "shop/new")


def test_a_change_replaces_the_definition(administrator: Client, made: str, engine: Engine) -> None:
    changed = json.dumps({**HOURLY, "schedule": {"every": "2h"}})
    digest = job(engine, made).digest
    send(administrator, f"{page_of(engine, made)}change/", definition=changed, digest=digest)
    assert job(engine, made).schedules[0].spec["every"] == "2h"


def test_who_saves_second_does_not_undo_the_first(
    administrator: Client, made: str, engine: Engine
) -> None:
    digest = job(engine, made).digest
    schedules.change(made, {"schedule": {"every": "3h"}})
    shown = send(
        administrator,
        f"{page_of(engine, made)}change/",
        definition=json.dumps(HOURLY),
        digest=digest,
    )
    assert "is no longer what it was" in shown
    assert job(engine, made).schedules[0].spec["every"] == "3h"


def test_a_schedule_of_a_file_is_read_only_and_says_which_line_to_edit(
    administrator: Client, django_database: str, engine: Engine
) -> None:
    path = f"{page_of(engine, django_database)}change/"
    shown = page(administrator, path)
    assert "edit jobs.d/test.yaml:1 and apply the files" in shown
    assert "<textarea" not in shown
    assert administrator.post(path, {"definition": "{}"}).status_code == 403
    assert administrator.get(path.replace("change", "delete")).status_code == 403


def test_a_schedule_of_the_api_is_deleted(administrator: Client, made: str, engine: Engine) -> None:
    send(administrator, f"{page_of(engine, made)}delete/", post="yes")
    with pytest.raises(NotFound):
        job(engine, made)


def test_any_job_is_paused_and_resumed(
    administrator: Client, django_database: str, engine: Engine
) -> None:
    with transaction(engine) as connection:
        assert pauses_in_force(connection) == ()
    shown = act(administrator, engine, django_database, "pause_schedules")
    assert "paused by ada" in shown
    with transaction(engine) as connection:
        assert [one.target for one in pauses_in_force(connection)] == [django_database]
    act(administrator, engine, django_database, "resume_schedules")
    with transaction(engine) as connection:
        assert pauses_in_force(connection) == ()


def test_a_job_under_a_pause_of_its_queue_is_shown_as_paused(
    administrator: Client, django_database: str, engine: Engine
) -> None:
    with transaction(engine) as connection:
        pause(connection, "queue", "default", reason="", paused_by="ops", until=None)
    shown = page(administrator, SCHEDULES)
    assert django_database in shown
    assert "paused by ops" in shown


def test_a_job_is_run_at_once_as_the_administrators_own(
    administrator: Client, django_database: str, engine: Engine, rows: Rows
) -> None:
    act(administrator, engine, django_database, "run_now")
    assert [row.created_by for row in rows()] == ["ada"]


def test_a_page_of_schedules_takes_the_same_number_of_queries_for_many_jobs(
    administrator: Client, made: str, ledger: Ledger
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        page(administrator, SCHEDULES)
    ledger.add_schedule(ledger.add_job(name="second"), "default")
    ledger.add_schedule(ledger.add_job(name="third"), "default")
    with CaptureQueriesContext(connection) as more:
        assert "test/third" in page(administrator, SCHEDULES)
    assert made
    assert len(more) == len(few)


def test_runs_are_listed_and_found_by_state_and_job(
    administrator: Client, django_database: str, ledger: Ledger
) -> None:
    trigger(django_database)
    ledger.add_run(
        ledger.add_job(name="other"),
        state="failed",
        finished_at="2026-11-21T12:00Z",
        error="no paper",
    )
    shown = page(administrator, RUNS)
    assert "queued" in shown
    assert "no paper" in shown
    assert "no paper" not in page(administrator, RUNS, state__exact="queued")
    assert "no paper" not in page(administrator, RUNS, q="test/job")


def test_a_run_shows_what_it_has_written_by_attempt_with_nothing_that_html_would_take(
    administrator: Client, django_database: str, engine: Engine
) -> None:
    run_id = trigger(django_database).run_id
    with transaction(engine) as connection:
        write_pieces(connection, run_id, 1, [(0, "first <b>try</b>\n")])
        write_pieces(connection, run_id, 2, [(0, "second try\n")])
    shown = page(administrator, f"{RUNS}{run_id}/change/")
    assert "Attempt 1" in shown
    assert "first &lt;b&gt;try&lt;/b&gt;" in shown
    assert "Attempt 2" in shown


def test_a_run_without_output_says_so(administrator: Client, django_database: str) -> None:
    run_id = trigger(django_database).run_id
    assert "It has written nothing." in page(administrator, f"{RUNS}{run_id}/change/")


def test_a_run_is_not_changed_here(administrator: Client, django_database: str) -> None:
    run_id: uuid.UUID = trigger(django_database).run_id
    refuse = partial(administrator.post, data={"state": "succeeded"})
    assert refuse(f"{RUNS}{run_id}/change/").status_code == 403
    assert refuse(f"{RUNS}{run_id}/delete/").status_code == 403
    assert refuse(f"{RUNS}add/").status_code == 403
