"""Apply on a real database: what is written, what is left alone, what is refused."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause
from jobrunner.db.wakeups import Listener
from jobrunner.errors import Conflict, GuardRefused, StalePlan
from jobrunner.plan.digest import canonical_json
from jobrunner.spec.models import DefinedJob
from tests.reconcile.acme import NOW, Reconciler, make_job

HOURLY = {"every": "1h"}
MINUTE = timedelta(minutes=1)


def test_an_apply_puts_the_definitions_in_force(acme: Reconciler) -> None:
    job = make_job(queue="reports", kwargs={"region": "eu"}, tags=["a", "b"], schedules=[HOURLY])

    acme.apply(job)

    [row] = acme.in_force()
    assert (row["address"], row["queue"], row["tags"]) == ("reports/nightly", "reports", ["a", "b"])
    assert row["spec"]["kwargs"] == {"region": "eu"}
    assert (row["file"], row["line"]) == ("jobs.d/reports.yaml", 8)


def test_an_apply_is_a_revision_with_who_and_what(acme: Reconciler) -> None:
    applied = acme.apply(make_job(), git_commit="4f2c9e1", git_dirty=True)

    [row] = acme.query("SELECT * FROM jobrunner.revisions")
    assert applied.revision == row["number"] == 1
    assert (row["author"], row["git_commit"], row["git_dirty"]) == ("ada", "4f2c9e1", True)
    assert row["digest"] == applied.plan.digest
    assert [(change["address"], change["action"]) for change in row["changes"]] == [
        ("reports/nightly", "create")
    ]


def test_revisions_are_counted_and_definitions_say_which_one_brought_them(acme: Reconciler) -> None:
    acme.apply(make_job("a/first"))
    acme.apply(make_job("a/first"), make_job("a/second"))

    rows = acme.query("SELECT spec ->> 'name' AS name, revision FROM jobrunner.definitions")
    assert {row["name"]: row["revision"] for row in rows} == {"first": 1, "second": 2}


def test_a_plan_after_an_apply_is_empty(acme: Reconciler) -> None:
    jobs = [
        make_job(
            timeout="90s",
            expires="1d",
            retry={"max_retries": 3, "for": ["TimeoutError"]},
            catch_up={"policy": "all", "window": "6h", "max": 24},
            kwargs={"limits": [1e22, 1.5e300, -0.0, 1e-7], "deep": {"on": True, "off": None}},
            args=[1, 1.0, "1", "ü"],
            schedules=[
                {"name": "at", "at": ["2027-01-01T00:00:00.5Z"]},
                {
                    "name": "cron",
                    "cron": "30 5 * * 1-5",
                    "timezone": "Europe/Berlin",
                    "jitter": "2m",
                },
                {"name": "every", "every": "10s", "anchor": "2026-01-01T00:00:00Z"},
            ],
        ),
        make_job("b/by-hand", priority=9, max_concurrency=2),
        make_job(
            "b/rare",
            schedules=[
                {"name": "sun", "solar": {"event": "sunset", "latitude": 52.5, "longitude": 13}},
                {
                    "name": "weekly",
                    "rrule": "FREQ=WEEKLY;COUNT=9",
                    "dtstart": "2026-01-05T09:00:00",
                    "exdate": ["2026-01-12T09:00:00"],
                    "exclude": ["2026-12-24/2027-01-01"],
                    "dst": {"gap": "skip"},
                    "max_runs": 5,
                    "kwargs": {"a": [1, None]},
                    "priority": 0,
                },
            ],
        ),
    ]

    acme.apply(*jobs)

    assert acme.plan(*jobs).is_empty


def test_an_apply_of_the_same_writes_no_row_and_no_revision(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[HOURLY]))
    versions = "SELECT xmin FROM jobrunner.jobs UNION ALL SELECT xmin FROM jobrunner.schedules"
    before = acme.query(versions)

    applied = acme.apply(make_job(schedules=[HOURLY]))

    assert applied.revision is None
    assert acme.query(versions) == before
    assert len(acme.query("SELECT 1 FROM jobrunner.revisions")) == 1


def test_a_job_that_moved_in_the_files_gets_its_new_place_without_a_revision(
    acme: Reconciler,
) -> None:
    acme.apply(make_job(line=8))

    applied = acme.apply(make_job(line=30))

    assert applied.revision is None
    assert acme.in_force()[0]["line"] == 30


def test_a_new_schedule_is_due_at_its_next_match_after_now(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[{"cron": "0 6 * * *"}]))

    assert acme.next_times() == {"nightly#default": datetime(2026, 11, 21, 6, 0, tzinfo=UTC)}


def test_jitter_delays_the_run_and_not_the_nominal_time(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[{"every": "1h", "jitter": "10m"}]))

    [row] = acme.in_force()
    assert row["next_scheduled_for"] == NOW + 60 * MINUTE
    assert timedelta(0) < row["jitter"] < 10 * MINUTE


def test_an_edit_of_anything_but_the_timing_leaves_the_next_time_alone(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[HOURLY]))

    acme.apply(
        make_job(schedules=[{"every": "1h", "misfire_grace": "5m"}], queue="other"),
        now=NOW + 5 * MINUTE,
    )

    assert acme.next_times() == {"nightly#default": NOW + 60 * MINUTE}


def test_an_edit_of_the_timing_moves_the_next_time_to_a_match_after_now(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[HOURLY]))

    acme.apply(make_job(schedules=[{"every": "10m"}]), now=NOW + 5 * MINUTE)

    assert acme.next_times() == {"nightly#default": NOW + 10 * MINUTE}


def test_a_job_switched_off_is_never_due_and_switched_on_again_does_not_fire_the_past(
    acme: Reconciler,
) -> None:
    acme.apply(make_job(schedules=[HOURLY]))
    acme.apply(make_job(schedules=[HOURLY], enabled=False))
    assert acme.next_times() == {"nightly#default": None}

    acme.apply(make_job(schedules=[HOURLY]), now=NOW + 150 * MINUTE)

    assert acme.next_times() == {"nightly#default": NOW + 180 * MINUTE}
    assert acme.query("SELECT 1 FROM jobrunner.runs") == []


def test_a_time_that_is_due_is_dispatched_by_the_old_definition(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[HOURLY], kwargs={"version": 1}))
    due_at = NOW + 60 * MINUTE

    acme.apply(
        make_job(schedules=[{"every": "2h"}], kwargs={"version": 2}),
        now=due_at + timedelta(milliseconds=50),
    )

    [run] = acme.query(
        "SELECT r.*, d.spec FROM jobrunner.runs r JOIN jobrunner.definitions d ON d.id = r.definition_id"
    )
    assert run["scheduled_for"] == due_at
    assert run["spec"]["kwargs"] == {"version": 1}
    assert acme.next_times() == {"nightly#default": NOW + 120 * MINUTE}


def test_a_run_that_an_apply_dispatched_waits_for_any_beat_to_send_it(acme: Reconciler) -> None:
    acme.apply(make_job(schedules=[HOURLY]))

    acme.apply(make_job(schedules=[HOURLY], queue="other"), now=NOW + 60 * MINUTE)

    [run] = acme.query("SELECT state, sent_at FROM jobrunner.runs")
    assert run == {"state": "queued", "sent_at": None}


def test_a_time_that_is_due_when_its_job_is_deleted_has_its_run_and_no_later_one(
    acme: Reconciler,
) -> None:
    acme.apply(make_job("a/gone", schedules=[HOURLY]), make_job("a/stays"))

    acme.apply(make_job("a/stays"), now=NOW + 60 * MINUTE)

    runs = acme.query("SELECT scheduled_for FROM jobrunner.runs")
    assert [run["scheduled_for"] for run in runs] == [NOW + 60 * MINUTE]
    assert acme.query("SELECT 1 FROM jobrunner.schedules WHERE next_run_at IS NOT NULL") == []


def test_a_due_time_that_still_waits_for_its_jitter_is_not_lost_by_an_edit_of_the_timing(
    acme: Reconciler,
) -> None:
    acme.apply(make_job(schedules=[{"every": "1h", "jitter": "50m"}]))

    acme.apply(make_job(schedules=[{"every": "2h"}]), now=NOW + 60 * MINUTE)

    runs = acme.query("SELECT scheduled_for FROM jobrunner.runs")
    assert [run["scheduled_for"] for run in runs] == [NOW + 60 * MINUTE]
    assert acme.next_times() == {"nightly#default": NOW + 120 * MINUTE}


def test_a_due_time_that_still_waits_for_its_jitter_goes_with_a_deleted_job(
    acme: Reconciler,
) -> None:
    acme.apply(
        make_job("a/gone", schedules=[{"every": "1h", "jitter": "50m"}]), make_job("a/stays")
    )

    acme.apply(make_job("a/stays"), now=NOW + 60 * MINUTE)

    assert acme.query("SELECT 1 FROM jobrunner.runs") == []


def test_a_deleted_job_is_a_tombstone_and_returns_with_its_id(acme: Reconciler) -> None:
    ids = (
        "SELECT j.id AS job, s.id AS schedule"
        "  FROM jobrunner.jobs j JOIN jobrunner.schedules s ON s.job_id = j.id"
    )
    acme.apply(make_job(schedules=[HOURLY]))
    before = acme.query(ids)
    acme.apply()
    assert acme.in_force() == []

    acme.apply(make_job(schedules=[HOURLY]), now=NOW + 150 * MINUTE)

    assert acme.query(ids) == before
    assert acme.next_times() == {"nightly#default": NOW + 180 * MINUTE}


def test_a_removed_schedule_is_never_due_and_returns_with_its_id(acme: Reconciler) -> None:
    night = {"name": "night", "every": "1d"}
    acme.apply(make_job(schedules=[night, {"name": "noon", **HOURLY}]))
    before = acme.query("SELECT id FROM jobrunner.schedules ORDER BY id")

    acme.apply(make_job(schedules=[night]))
    assert set(acme.next_times()) == {"nightly#night"}
    acme.apply(make_job(schedules=[night, {"name": "noon", **HOURLY}]))

    assert acme.query("SELECT id FROM jobrunner.schedules ORDER BY id") == before


def test_only_rows_of_the_project_are_touched(acme: Reconciler) -> None:
    other = replace(acme, project="other")
    other.apply(make_job("others/job", schedules=[HOURLY]))

    applied = acme.apply(make_job("ours/job"))

    assert [change.address for change in applied.plan.changes] == ["ours/job"]
    assert {row["address"] for row in acme.in_force()} == {"others/job", "ours/job"}


def test_an_address_of_another_project_is_an_error_that_names_him(acme: Reconciler) -> None:
    replace(acme, project="other").apply(make_job("shared/job"))

    with pytest.raises(Conflict) as refused:
        acme.plan(make_job("shared/job"))

    assert "shared/job (other)" in refused.value.message


def test_an_address_that_another_project_has_deleted_is_free_and_begins_anew(
    acme: Reconciler,
) -> None:
    """Its runs, its counters and its definitions stay with the project that had it."""
    owners = (
        "SELECT j.id, p.name, j.digest, j.deleted_at IS NULL AS lives, s.total_run_count AS runs"
        "  FROM jobrunner.jobs j JOIN jobrunner.projects p ON p.id = j.project_id"
        "  JOIN jobrunner.schedules s ON s.job_id = j.id ORDER BY j.created_at, j.id"
    )
    other = replace(acme, project="other")
    other.apply(make_job("shared/job", schedules=[HOURLY]))
    other.apply(make_job("shared/job", schedules=[HOURLY], queue="x"), now=NOW + 60 * MINUTE)
    other.apply(now=NOW + 60 * MINUTE)
    [theirs] = acme.query(owners)
    assert (theirs["name"], theirs["lives"], theirs["runs"]) == ("other", False, 1)

    wanted = make_job("shared/job", schedules=[{**HOURLY, "max_runs": 1}])
    acme.apply(wanted, now=NOW + 90 * MINUTE)

    left, ours = acme.query(owners)
    assert left == theirs
    assert (ours["name"], ours["lives"], ours["runs"]) == ("acme", True, 0)
    assert acme.next_times()["job#default"] == NOW + 120 * MINUTE
    assert acme.plan(wanted, now=NOW + 90 * MINUTE).is_empty
    assert other.plan().is_empty


def test_an_apply_for_another_environment_is_refused(acme: Reconciler) -> None:
    replace(acme, environment="prod").apply(make_job())

    with pytest.raises(GuardRefused):
        replace(acme, environment="staging").apply(make_job(queue="other"))


def test_a_guard_that_refuses_leaves_everything_as_it_was(acme: Reconciler) -> None:
    jobs = [make_job(f"a/job-{number}") for number in range(4)]
    acme.apply(*jobs)
    before = acme.in_force()

    with pytest.raises(GuardRefused):
        acme.apply(jobs[0], allow_deletes=2)

    assert acme.in_force() == before


def test_the_expected_plan_is_applied(acme: Reconciler) -> None:
    planned = acme.plan(make_job())

    assert acme.apply(make_job(), expected_digest=planned.digest).revision == 1


def test_a_plan_is_stale_when_what_it_touches_has_changed(acme: Reconciler) -> None:
    planned = acme.plan(make_job(queue="new"))
    acme.apply(make_job(queue="between"))

    with pytest.raises(StalePlan) as refused:
        acme.apply(make_job(queue="new"), expected_digest=planned.digest)

    assert refused.value.exit_code == 3
    assert acme.in_force()[0]["queue"] == "between"


def test_a_plan_is_not_stale_when_something_else_was_changed_and_put_back(acme: Reconciler) -> None:
    acme.apply(make_job("a/one"), make_job("a/two"))
    planned = acme.plan(make_job("a/one", queue="new"), make_job("a/two"))
    acme.apply(make_job("a/one"), make_job("a/two", queue="between"))
    acme.apply(make_job("a/one"), make_job("a/two"))

    applied = acme.apply(
        make_job("a/one", queue="new"), make_job("a/two"), expected_digest=planned.digest
    )

    assert applied.revision == 4


@pytest.mark.parametrize(
    ("by_hand", "field"),
    [
        ("UPDATE jobrunner.jobs SET queue = 'other'", "queue"),
        ("UPDATE jobrunner.jobs SET tags = '{x}'", "tags"),
        ("UPDATE jobrunner.jobs SET timeout = '1 minute'", "timeout"),
        ("UPDATE jobrunner.jobs SET catch_up_max = 3", "catch_up.max"),
        ("UPDATE jobrunner.jobs SET max_concurrency = 3", "max_concurrency"),
        (
            "UPDATE jobrunner.schedules SET spec = jsonb_set(spec, '{every}', '\"10m\"')",
            "schedule.every",
        ),
        ("UPDATE jobrunner.schedules SET deleted_at = now()", "schedule"),
        (
            "UPDATE jobrunner.definitions SET spec = jsonb_set(spec, '{task}', '\"other.task\"')",
            "task",
        ),
    ],
)
def test_what_a_hand_has_changed_is_shown_and_reset(
    acme: Reconciler, by_hand: str, field: str
) -> None:
    job = make_job(schedules=[HOURLY])
    acme.apply(job)
    before = acme.in_force()
    acme.execute(by_hand)

    [update] = acme.plan(job).updates
    assert update.is_drift
    assert [changed.path for changed in update.fields] == [field]
    acme.apply(job)

    assert acme.plan(job).is_empty
    assert acme.in_force() == before


@pytest.mark.parametrize(
    ("by_hand", "reason"),
    [
        (
            "UPDATE jobrunner.definitions SET spec = spec || '{\"from_the_future\": 1}'",
            "from_the_future",
        ),
        ("UPDATE jobrunner.definitions SET spec = '[]'", "definition cannot be read"),
        ("UPDATE jobrunner.jobs SET definition_id = 4711", "it is missing"),
        (
            "UPDATE jobrunner.schedules SET spec = '{\"every\": 5}'",
            "schedule #default cannot be read",
        ),
        ("UPDATE jobrunner.schedules SET spec = spec - 'name' || '{\"name\": \"x\"}'", "named 'x'"),
    ],
)
def test_a_stored_row_that_cannot_be_read_is_named_and_replaced(
    acme: Reconciler, by_hand: str, reason: str
) -> None:
    job = make_job(schedules=[HOURLY])
    acme.apply(job)
    before = acme.in_force()
    acme.execute(by_hand)

    [update] = acme.plan(job).updates
    assert update.address == "reports/nightly"
    assert reason in update.replaces
    acme.apply(job)

    assert acme.plan(job).is_empty
    assert acme.in_force() == before


def test_a_stored_schedule_whose_zone_has_vanished_is_replaced(acme: Reconciler) -> None:
    job = make_job(schedules=[HOURLY])
    acme.apply(job)
    acme.execute(
        "UPDATE jobrunner.schedules SET spec = jsonb_set(spec, '{timezone}', '\"Mars/Olympus\"')"
    )

    acme.apply(job)

    assert acme.plan(job).is_empty
    assert acme.next_times() == {"nightly#default": NOW + 60 * MINUTE}


def test_a_due_schedule_that_cannot_be_computed_does_not_hold_up_the_apply_that_mends_it(
    acme: Reconciler,
) -> None:
    job = make_job(schedules=[HOURLY])
    acme.apply(job)
    acme.execute(
        "UPDATE jobrunner.schedules SET spec = jsonb_set(spec, '{timezone}', '\"Mars/Olympus\"')"
    )

    acme.apply(job, now=NOW + timedelta(days=366))

    assert acme.next_times() == {"nightly#default": NOW + timedelta(days=366, hours=1)}


def test_a_change_of_a_paused_job_says_so(acme: Reconciler, engine: Engine) -> None:
    with transaction(engine) as connection:
        pause(connection, "tag", "finance", reason="audit", paused_by="ops", until=None)

    plan = acme.plan(make_job("a/paused", tags=["finance"]), make_job("a/other"))

    noted = {change.address: [pause.reason for pause in change.pauses] for change in plan.changes}
    assert noted == {"a/paused": ["audit"], "a/other": []}


def test_a_deletion_says_how_many_runs_are_under_way(acme: Reconciler) -> None:
    acme.apply(make_job("a/gone", schedules=[HOURLY], overlap="allow"), make_job("a/stays"))
    acme.apply(
        make_job("a/gone", schedules=[HOURLY], overlap="allow", queue="x"),
        make_job("a/stays"),
        now=NOW + 60 * MINUTE,
    )

    [delete] = acme.plan(make_job("a/stays")).deletes

    assert delete.active_runs == 1
    assert delete.last_run_at == NOW + 60 * MINUTE


def test_an_apply_wakes_the_beats_when_it_is_committed(acme: Reconciler, engine: Engine) -> None:
    with closing(Listener(engine)) as listener:
        acme.apply(make_job())

        assert listener.wait(5.0)


def test_an_apply_that_changes_nothing_wakes_nobody(acme: Reconciler, engine: Engine) -> None:
    acme.apply(make_job())
    with closing(Listener(engine)) as listener:
        acme.apply(make_job())

        assert not listener.wait(0.05)


def test_the_number_of_statements_does_not_grow_with_the_jobs(
    acme: Reconciler, engine: Engine
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    acme.apply(*jobs(2, queue="before"))
    acme.apply(*jobs(2, queue="after"))
    few = len(statements)
    acme.apply(*jobs(200, queue="before"))
    acme.apply(*jobs(200, queue="after"))

    # The later ones also lock what is there, and ask which rows of it have changed.
    assert len(statements) - few <= few + 6


def jobs(number: int, **fields: Any) -> list[DefinedJob]:
    return [make_job(f"many/job-{i}", schedules=[HOURLY], **fields) for i in range(number)]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=10,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(JSON, min_size=20, max_size=20))
@example([-0.0, 1e16, 1e22, 1.5e300, 5e-324, 123456789012345678.0])
def test_any_value_that_the_files_can_say_is_the_same_when_it_comes_back(
    acme: Reconciler, values: list[Any]
) -> None:
    [row] = acme.query("SELECT CAST(:values AS jsonb) AS stored", values=json.dumps(values))

    assert canonical_json(row["stored"]) == canonical_json(values)


NAMES = st.sampled_from(["a", "b", "c"])
SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "queue": NAMES,
        "kwargs": st.dictionaries(NAMES, st.integers(0, 3), max_size=2),
        "tags": st.lists(NAMES, max_size=2),
        "schedules": st.dictionaries(
            NAMES, st.sampled_from([HOURLY, {"cron": "0 6 * * *"}, {"every": "1d", "jitter": "1h"}])
        ).map(lambda named: [{"name": name, **rule} for name, rule in sorted(named.items())]),
    },
)
JOBS = st.dictionaries(NAMES.map("space/{}".format), SPECS, max_size=3).map(
    lambda specs: [make_job(address, **spec) for address, spec in specs.items()]
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(JOBS, JOBS)
def test_to_another_set_and_back_is_as_if_nothing_had_been(
    acme: Reconciler, first: list[DefinedJob], second: list[DefinedJob]
) -> None:
    acme.apply(*first)
    before = acme.in_force()

    acme.apply(*second)
    assert acme.plan(*second).is_empty
    acme.apply(*first)

    assert acme.plan(*first).is_empty
    assert acme.in_force() == before
