"""The list of jobs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from jobrunner.db import tables
from tests.ledger import Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    "filters",
    [{"text": "BACK"}, {"tag": "nightly"}, {"queue": "slow"}, {"text": "nightl", "queue": "slow"}],
)
def test_a_filter_leaves_the_jobs_that_match(
    client: TestClient, sign: Sign, ledger: Ledger, filters: dict[str, str]
) -> None:
    ledger.add_job(name="backup", tags=["nightly"], queue="slow")
    ledger.add_job(name="mail")
    shown = client.get("/jobs", params=filters, headers=sign("viewer")).text
    assert ("test/backup" in shown, "test/mail" in shown) == (True, False)


def test_of_many_tags_a_row_shows_the_first_and_how_many_more(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(tags=[f"tag-{number}" for number in range(20)])
    shown = client.get("/jobs", headers=sign("viewer")).text
    assert shown.count('class="tag"') == 4
    assert "+16" in shown


def test_a_form_of_which_nothing_was_chosen_asks_for_all(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    asked = client.get("/jobs?text=&namespace=&tag=&queue=&state=", headers=sign("viewer"))
    assert (asked.status_code, "test/job" in asked.text) == (200, True)


def test_who_is_of_another_namespace_sees_no_job(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(tags=["nightly"], queue="slow")
    shown = client.get("/jobs", headers=sign("viewer", namespaces=["other"])).text
    assert [word for word in ("test/job", "nightly", "slow") if word in shown] == []


def test_a_page_leads_to_the_next_one_under_the_same_filter(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    for number in range(51):
        ledger.add_job(name=f"job-{number:02d}", tags=["many"])
    first = client.get("/jobs?tag=many", headers=sign("viewer")).text
    second = client.get("/jobs?after=test/job-49&tag=many", headers=sign("viewer")).text
    assert 'href="/jobs?after=test%2Fjob-49&amp;tag=many"' in first
    assert ("test/job-49" in second, "test/job-50" in second) == (False, True)


def test_a_job_that_somebody_has_changed_in_the_database_has_its_badge(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    changed, _ = ledger.add_job(name="changed"), ledger.add_job(name="as-applied")
    with engine.begin() as connection:
        connection.execute(
            update(tables.jobs).where(tables.jobs.c.id == changed).values(queue="elsewhere")
        )
    assert client.get("/jobs", headers=sign("viewer")).text.count("~ drift") == 1


def test_a_run_that_took_more_than_twice_as_long_as_usual_is_marked(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    for hours, minutes in ((5, 1), (4, 1), (3, 1), (2, 3)):
        started_at = AN_HOUR_AGO - timedelta(hours=hours)
        ledger.add_run(
            job_id,
            state="succeeded",
            scheduled_for=started_at,
            started_at=started_at,
            finished_at=started_at + timedelta(minutes=minutes),
        )
    shown = client.get("/jobs", headers=sign("viewer")).text
    assert '<td class="number warn">3m 00s</td>' in shown
    assert '<td class="number quiet">1m 00s</td>' in shown


def test_with_no_job_at_all_the_page_says_what_to_type(client: TestClient, sign: Sign) -> None:
    assert "jobrunner apply" in client.get("/jobs", headers=sign("viewer")).text


def test_with_no_job_that_matches_the_page_leads_back_to_all(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    assert (
        '<a href="/jobs">Show all jobs</a>'
        in client.get("/jobs?text=nothing", headers=sign("viewer")).text
    )
