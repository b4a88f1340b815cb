"""Load by the hour over the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func
from starlette.testclient import TestClient

from tests.ledger import Ledger
from tests.seeding import put_job
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
URL = "/api/v1/calendar"


def test_past_and_planned_load_are_told_by_hour_and_queue(
    client: TestClient, sign: Sign, engine: Engine, ledger: Ledger
) -> None:
    job_id = put_job(engine, schedules=[{"every": "30m"}], queue="slow").job_id
    now = datetime.now(UTC)
    ledger.add_run(
        job_id,
        queue="slow",
        scheduled_for=now - timedelta(hours=2),
        state="succeeded",
        started_at=func.now() - timedelta(hours=2),
        finished_at=func.now() - timedelta(minutes=90),
    )
    told = client.get(f"{URL}?planned_hours=2", headers=sign("viewer")).json()
    assert [(one["queue"], one["runs"], one["busy_slots"]) for one in told["past"]] == [
        ("slow", 1, 0.5)
    ]
    assert [(one["queue"], one["starts"]) for one in told["planned"]] == [("slow", 2), ("slow", 2)]


@pytest.mark.parametrize(
    "limits", [{"namespaces": ["other"]}, {"subject": "bob", "own_runs_only": True}]
)
def test_runs_that_the_caller_does_not_see_are_no_load(
    limits: dict[str, object], client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job(), scheduled_for=datetime.now(UTC) - timedelta(hours=1))
    assert len(client.get(URL, headers=sign("viewer")).json()["past"]) == 1
    assert client.get(URL, headers=sign("viewer", **limits)).json()["past"] == []
