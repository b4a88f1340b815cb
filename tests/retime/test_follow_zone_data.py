"""New time zone data reaches next times that were computed with older data; older data reaches nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from jobrunner.retime import follow_zone_data
from jobrunner.zone_data import zone_data_version
from tests.reconcile.acme import Reconciler, make_job

DAILY = {"cron": "0 6 * * *", "timezone": "Europe/Paris"}
NEWER = "2099z"


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    """A job that fires in Paris and one that fires in UTC, from this day on."""
    made = Reconciler(engine)
    made.apply(
        make_job("night/paris", schedules=[DAILY]),
        make_job("night/utc", schedules=[{"cron": "0 6 * * *"}]),
        now=datetime.now(UTC),
    )
    assert follow_zone_data(engine)
    return made


def follow(engine: Engine, version: str) -> None:
    """All of its steps."""
    assert any(follow_zone_data(engine, version=version) for _ in range(10))


def spans(acme: Reconciler) -> list[tuple[str, str, bool]]:
    """(job, version, whether it is in force) of each span."""
    rows = acme.query(
        "SELECT j.name, i.tzdata, i.ended_at IS NULL AS open FROM jobrunner.active_intervals i"
        "  JOIN jobrunner.schedules s ON s.id = i.schedule_id JOIN jobrunner.jobs j ON j.id = s.job_id"
        " ORDER BY j.name, i.id"
    )
    return [(row["name"], row["tzdata"], row["open"]) for row in rows]


def versions(acme: Reconciler) -> set[str]:
    return {row["version"] for row in acme.query("SELECT version FROM jobrunner.tzdata_versions")}


def test_the_first_beat_writes_down_the_version(acme: Reconciler) -> None:
    assert versions(acme) == {zone_data_version()}
    assert zone_data_version() >= "2025a"


def test_fault_32_newer_zone_data_moves_next_times_that_depend_on_it(acme: Reconciler) -> None:
    right = acme.next_times()["paris#default"]
    acme.execute(
        "UPDATE jobrunner.schedules SET next_scheduled_for = next_scheduled_for + interval '1 hour',"
        "       next_run_at = next_run_at + interval '1 hour'"
    )
    untouched = acme.next_times()["utc#default"]
    follow(acme.engine, NEWER)
    assert acme.next_times() == {"paris#default": right, "utc#default": untouched}
    assert NEWER in versions(acme)


def test_newer_zone_data_begins_a_span_where_times_depend_on_it(acme: Reconciler) -> None:
    follow(acme.engine, NEWER)
    assert spans(acme) == [
        ("paris", zone_data_version(), False),
        ("paris", NEWER, True),
        ("utc", NEWER, True),
    ]


def test_it_is_done_once_however_many_beats_start(acme: Reconciler) -> None:
    follow(acme.engine, NEWER)
    before = spans(acme)
    assert follow_zone_data(acme.engine, version=NEWER)
    assert spans(acme) == before


def test_what_is_due_fires_first_and_is_computed_again_afterwards(acme: Reconciler) -> None:
    acme.execute(
        "UPDATE jobrunner.schedules SET next_scheduled_for = now(), next_run_at = now()"
        " WHERE spec ->> 'timezone' = 'Europe/Paris'"
    )
    owed = acme.next_times()["paris#default"]
    assert not any(follow_zone_data(acme.engine, version=NEWER) for _ in range(5))
    assert acme.next_times()["paris#default"] == owed
    acme.execute(
        "UPDATE jobrunner.schedules SET next_scheduled_for = :next, next_run_at = :next",
        next=datetime.now(UTC) + timedelta(hours=1),
    )
    follow(acme.engine, NEWER)
    assert ("paris", NEWER, True) in spans(acme)


def test_fault_32_older_zone_data_changes_nothing_and_is_warned_of(acme: Reconciler) -> None:
    before = (spans(acme), acme.next_times())
    with capture_logs() as logs:
        assert follow_zone_data(acme.engine, version="2001a")
    assert (spans(acme), acme.next_times()) == before
    [warning] = logs
    assert (warning["event"], warning["here"]) == ("zone_data_older", "2001a")
    assert versions(acme) == {zone_data_version()}


def test_a_definition_that_cannot_be_read_stops_no_other(acme: Reconciler) -> None:
    acme.apply(
        make_job("night/paris", schedules=[DAILY]),
        make_job("night/bad", schedules=[DAILY]),
        now=datetime.now(UTC),
        allow_deletes=5,
    )
    acme.execute(
        'UPDATE jobrunner.schedules SET spec = spec || CAST(\'{"cron": "nonsense"}\' AS jsonb)'
        " WHERE job_id = (SELECT id FROM jobrunner.jobs WHERE name = 'bad')"
    )
    follow(acme.engine, NEWER)
    assert ("paris", NEWER, True) in spans(acme)
