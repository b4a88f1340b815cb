"""The calendar: planned starts times usual duration, against the slots there are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from starlette.testclient import TestClient

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.planned import PlannedSchedule
from jobrunner.db.processes import sign_in
from jobrunner.web.charts.heat import cells_of, slots_text
from jobrunner.web.planned_load import HourlyLoad, UsualDurations, load_of, look_ahead
from tests.ledger import Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _schedule(address: str = "ops/report", queue: str = "default", **spec: Any) -> PlannedSchedule:
    return PlannedSchedule(address, queue, json.dumps({"name": "default", **spec}))


def _load(*schedules: PlannedSchedule, by: str = "queue", **usual: float) -> dict[str, HourlyLoad]:
    seconds = {f"ops/{name}": one for name, one in usual.items()}
    return load_of(schedules, seconds, start=START, end=START + timedelta(hours=4), by=by)


def test_starts_times_usual_duration_is_how_many_slots_are_busy() -> None:
    load = _load(_schedule(cron="*/15 * * * *"), report=450)["default"]
    assert (load.starts, load.busy) == ([4] * 4, [0.5] * 4)


def test_a_run_that_is_longer_than_its_hour_keeps_its_slot_in_the_next_ones() -> None:
    load = _load(_schedule(cron="30 12 * * *"), report=2 * 3600)["default"]
    assert (load.starts, load.busy) == ([1, 0, 0, 0], [0.5, 1.0, 0.5, 0.0])


def test_a_job_that_has_never_succeeded_counts_with_its_starts_alone() -> None:
    load = _load(_schedule(cron="0 * * * *"))["default"]
    assert (load.starts, load.busy, load.unknown) == ([1] * 4, [0.0] * 4, {"ops/report"})


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("queue", {"default", "slow"}),
        ("namespace", {"ops"}),
        ("job", {"ops/report", "ops/mail"}),
    ],
)
def test_load_is_told_by_queue_namespace_or_job(by: str, keys: set[str]) -> None:
    two = _schedule(cron="0 * * * *"), _schedule("ops/mail", "slow", cron="0 * * * *")
    assert _load(*two, by=by).keys() == keys


def test_what_is_off_or_cannot_be_read_is_not_planned() -> None:
    off, broken = _schedule(cron="0 * * * *", enabled=False), _schedule(cron="0 * * * *", new_key=1)
    assert _load(off, broken) == {}


@pytest.mark.parametrize(
    ("busy", "level"), [(0.0, 1), (0.39, 1), (0.4, 2), (1.0, 3), (2.0, 4), (3.2, 5), (9.0, 5)]
)
def test_the_colour_is_the_share_of_the_slots(busy: float, level: int) -> None:
    (cell,) = cells_of([1], [busy], full=4, is_by_starts=False)
    assert cell.level == level


def test_an_hour_without_work_is_empty() -> None:
    (cell,) = cells_of([0], [0.0], full=4, is_by_starts=False)
    assert (cell.level, cell.text) == (0, "")


@pytest.mark.parametrize(
    ("slots", "words"),
    [(0.0, "<0.1"), (0.04, "<0.1"), (0.05, "0.1"), (0.44, "0.4"), (9.96, "10"), (123.4, "123")],
)
def test_slots_are_told_shortly(slots: float, words: str) -> None:
    assert slots_text(slots) == words


def _plan(ledger: Ledger, engine: Engine, name: str = "job", **spec: Any) -> None:
    """A job with a schedule at 06:00 UTC, the runs of which take an hour."""
    job_id = ledger.add_job(name=name, **spec)
    with engine.begin() as connection:
        connection.execute(
            insert(tables.schedules).values(
                id=job_id,
                job_id=job_id,
                name="default",
                spec={"name": "default", "cron": "0 6 * * *"},
                next_scheduled_for=START,
                next_run_at=START,
            )
        )
    ledger.add_run(
        job_id, state="succeeded", started_at=START, finished_at=START + timedelta(hours=1)
    )


def _busiest(shown: str) -> str:
    return " ".join(shown.partition("Busiest is")[2].partition("</p>")[0].split())


def test_the_busiest_hour_is_named_in_words(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine, queue="slow")
    with transaction(engine) as connection:
        sign_in(connection, "worker", details={"queues": ["slow"], "concurrency": 2})
    shown = client.get("/calendar", headers=sign("viewer")).text
    words = _busiest(shown)
    assert "06:00 UTC" in words
    assert words.endswith("1 start, which keeps about 1.0 of 2 slots busy.")
    assert '<td class="heat-4" title="1 start">1.0</td>' in shown


def test_of_several_queues_the_sum_is_shown_and_the_one_with_most_of_it_is_named(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine, "first", queue="slow")
    _plan(ledger, engine, "second", queue="slow")
    _plan(ledger, engine, "third", queue="quick")
    shown = client.get("/calendar", headers=sign("viewer")).text
    words = _busiest(shown)
    assert words.endswith("3 starts, which keep about 3.0 slots busy, most of it of slow.")
    assert '<tr class="sum"><th scope="row">All' in shown


def test_none_is_named_where_none_has_more_than_half(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine, "first", queue="slow")
    _plan(ledger, engine, "second", queue="quick")
    assert "slots busy.\n" in client.get("/calendar", headers=sign("viewer")).text


def test_of_one_queue_no_sum_is_shown(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine)
    shown = client.get("/calendar", headers=sign("viewer")).text
    assert "slots busy, most" not in shown
    assert 'class="sum"' not in shown


def test_more_work_than_slots_is_said(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine)
    _plan(ledger, engine, "other")
    with transaction(engine) as connection:
        sign_in(connection, "worker", details={"queues": ["default"], "concurrency": 1})
    shown = client.get("/calendar", headers=sign("viewer")).text
    assert "more than the workers can do" in shown


def test_a_week_has_a_row_a_day_in_the_zone_of_the_reader(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine)
    client.cookies.set("jobrunner_zone", "Asia/Tokyo")
    shown = client.get("/calendar?span=week", headers=sign("viewer")).text
    day = shown.partition('<th scope="row">')[2].partition("</tr>")[2].partition("</tr>")[0]
    hours = day.replace("<td>", "<td").split("<td")[1:]
    assert [hour for hour, cell in enumerate(hours) if "1.0" in cell] == [15]


def test_fault_82_who_is_of_another_namespace_sees_nothing_planned(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _plan(ledger, engine, queue="slow")
    shown = client.get("/calendar", headers=sign("viewer", namespaces=["other"])).text
    assert ("slow" in shown, "No schedule has a time to come" in shown) == (False, True)


def test_the_past_tells_what_there_was_to_do(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job(queue="slow")
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    ledger.add_run(
        job_id,
        queue="slow",
        state="succeeded",
        scheduled_for=at,
        started_at=at,
        finished_at=at + timedelta(minutes=30),
    )
    shown = client.get("/calendar?span=past", headers=sign("viewer")).text
    cells = shown.partition("slow</a>")[2].partition("</tr>")[0].split("<td")[1:]
    assert [(hour, "0.5</td>" in cell) for hour, cell in enumerate(cells) if "class" in cell] == [
        (20, True)
    ]


def test_what_was_looked_ahead_is_not_asked_for_again(engine: Engine, ledger: Ledger) -> None:
    usual, job = UsualDurations(), ledger.add_job()
    look_ahead(engine, usual, start=START)
    ledger.add_run(job, state="succeeded", started_at=START, finished_at=START + timedelta(hours=1))
    with transaction(engine) as connection:
        assert usual.read(connection) == {}
        assert len(UsualDurations().read(connection)) == 1
