"""What a plan says of two sets of definitions, on plain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.plan.changes import Create, Delete, Plan, Update
from jobrunner.plan.current import CurrentJob, CurrentProject, CurrentSchedule
from jobrunner.plan.diff import make_plan
from jobrunner.plan.digest import spec_digest
from jobrunner.schedule import next_time
from jobrunner.spec.models import DefinedJob, JobSpec, Location, ScheduleSpec, dump_job, load_job
from jobrunner.spec.secrets import sealed_value

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SPACE = UUID("5f0d4b9e-30c5-4b71-9b53-5d4d1d8d3a11")


def job(address: str = "reports/nightly", *, line: int = 8, **fields: Any) -> DefinedJob:
    namespace, _, name = address.partition("/")
    spec = JobSpec.model_validate(
        {"namespace": namespace, "name": name, "task": "reports.tasks.build", **fields}
    )
    return DefinedJob(spec=spec, location=Location(file="jobs.d/reports.yaml", line=line))


def daily(**fields: Any) -> dict[str, Any]:
    return {"cron": "30 5 * * *", **fields}


def in_force(*jobs: DefinedJob, **fields: Any) -> CurrentProject:
    """The database as it is right after these were applied."""
    return CurrentProject(
        **{
            "name": "acme",
            "environment": "",
            "revision": 41,
            "jobs": tuple(_row(defined) for defined in jobs),
            "pauses": (),
            **fields,
        }
    )


def _row(defined: DefinedJob) -> CurrentJob:
    # Through the stored form, as the database gives it back.
    spec = load_job(dump_job(defined.spec))
    return CurrentJob(
        id=uuid5(SPACE, defined.address),
        address=defined.address,
        applied=spec,
        in_force=spec,
        digest=spec_digest(spec),
        problem="",
        location=defined.location,
        revision=41,
        schedules=tuple(_schedule_row(spec, schedule) for schedule in spec.schedules),
        active_runs=0,
    )


def _schedule_row(spec: JobSpec, schedule: ScheduleSpec) -> CurrentSchedule:
    is_on = spec.enabled and schedule.enabled
    return CurrentSchedule(
        id=uuid5(SPACE, f"{spec.address}#{schedule.name}"),
        name=schedule.name,
        spec=schedule,
        next_scheduled_for=next_time(schedule.timing(), NOW) if is_on else None,
        last_run_at=None,
        total_run_count=4,
    )


def plan(current: CurrentProject, *desired: DefinedJob) -> Plan:
    return make_plan(current, desired, now=NOW)


def only_update(made: Plan) -> Update:
    (change,) = made.changes
    assert isinstance(change, Update)
    return change


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    update = only_update(plan(in_force(job(**before)), job(**after)))
    return [(field.path, field.old, field.new) for field in update.fields]


def test_a_job_that_is_not_in_force_is_created() -> None:
    (change,) = plan(in_force(), job()).changes

    assert isinstance(change, Create)
    assert change.address == "reports/nightly"


def test_a_create_lists_what_the_definition_says_beside_the_defaults() -> None:
    (change,) = plan(in_force(), job(timeout="25m", schedules=[daily()])).creates

    assert [(field.path, field.new) for field in change.fields] == [
        ("task", "reports.tasks.build"),
        ("timeout", "25m"),
        ("schedule", {"cron": "30 5 * * *"}),
    ]


def test_a_job_that_left_the_files_is_deleted_and_the_plan_says_where_it_stood() -> None:
    (change,) = plan(in_force(job(line=5))).changes

    assert isinstance(change, Delete)
    assert change.location == Location(file="jobs.d/reports.yaml", line=5)
    assert change.revision == 41


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"timeout": "25m"}, {"timeout": "30m"}, [("timeout", "25m", "30m")]),
        ({}, {"priority": 6}, [("priority", None, 6)]),
        ({}, {"retry": {"max_retries": 3}}, [("retry.max_retries", 0, 3)]),
        ({}, {"retry": {"for": ["TimeoutError"]}}, [("retry.for", [], ["TimeoutError"])]),
        ({}, {"catch_up": {"policy": "all"}}, [("catch_up.policy", "latest", "all")]),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, [("tags", ["a", "b"], ["b", "a"])]),
        ({"args": [1]}, {"args": [1.0]}, [("args", [1], [1.0])]),
        (
            {"kwargs": {"region": "eu"}},
            {"kwargs": {"region": "us"}},
            [("kwargs.region", "eu", "us")],
        ),
        ({"kwargs": {"on": 1}}, {"kwargs": {"on": True}}, [("kwargs.on", 1, True)]),
        ({"kwargs": {"a.b": 1}}, {"kwargs": {"a.b": 2}}, [('kwargs."a.b"', 1, 2)]),
        (
            {"kwargs": {"deep": {"x": 1, "y": 2}}},
            {"kwargs": {"deep": {"x": 1, "y": 3}}},
            [("kwargs.deep.y", 2, 3)],
        ),
        (
            {"schedules": [daily()]},
            {"schedules": [daily(cron="0 6 * * *")]},
            [("schedule.cron", "30 5 * * *", "0 6 * * *")],
        ),
        (
            {"schedules": [daily(kwargs={"on": 1})]},
            {"schedules": [daily(kwargs={"on": True})]},
            [("schedule.kwargs.on", 1, True)],
        ),
        (
            {"schedules": [{"name": "night", "every": "10m"}]},
            {"schedules": [{"name": "night", "every": "15m"}]},
            [("schedules.night.every", "10m", "15m")],
        ),
        (
            {"schedules": [daily()]},
            {"schedules": [daily(), {"name": "noon", "cron": "0 12 * * *"}]},
            [("schedules.noon", None, {"cron": "0 12 * * *"})],
        ),
        ({"schedules": [daily()]}, {}, [("schedule", {"cron": "30 5 * * *"}, None)]),
    ],
)
def test_a_changed_field_is_one_field_of_the_plan(
    before: dict[str, Any], after: dict[str, Any], fields: list[tuple[str, Any, Any]]
) -> None:
    assert changed(before, after) == fields


def test_a_sealed_argument_is_one_field() -> None:
    before = sealed_value(key="k", digest="1", token="")
    after = sealed_value(key="k", digest="2", token="")
    [(path, _, _)] = changed({"kwargs": {"pin": before}}, {"kwargs": {"pin": after}})
    assert path == "kwargs.pin"


def test_a_new_key_of_a_mapping_is_added_and_a_missing_one_removed() -> None:
    update = only_update(plan(in_force(job(kwargs={"old": 1})), job(kwargs={"new": 2})))

    assert [(field.path, field.kind) for field in update.fields] == [
        ("kwargs.new", "added"),
        ("kwargs.old", "removed"),
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("schedules.default.cron", 24),
        ("schedules.default", 23),
        ("schedules", 22),
        ("timeout", None),
    ],
)
def test_a_field_points_at_its_own_line_or_at_what_holds_it(path: str, line: int | None) -> None:
    after = job(schedules=[daily(cron="0 6 * * *")])
    after = after._replace(field_lines={path: line or 9})

    update = only_update(plan(in_force(job(schedules=[daily()])), after))

    assert update.fields[0].line == line


def test_another_way_to_write_the_same_is_no_change() -> None:
    before = job(timeout="90s", retry={"max_retries": 2}, schedules=[{"every": "60m"}])
    after = job(
        timeout="1m30s", retry={"max_retries": 2, "delay": "5s"}, schedules=[{"every": "1h"}]
    )

    assert plan(in_force(before), after).is_empty


def test_a_number_that_the_database_gives_back_as_an_integer_is_no_change() -> None:
    current = in_force(job(kwargs={"limit": 10**22}))

    assert plan(current, job(kwargs={"limit": 1e22})).is_empty


def test_a_job_that_moved_in_the_files_is_no_change_and_its_place_is_renewed() -> None:
    made = plan(in_force(job(line=8)), job(line=30))

    assert made.is_empty
    assert [(place.address, place.after.line) for place in made.relocated] == [
        ("reports/nightly", 30)
    ]


@pytest.mark.parametrize(
    "edit",
    [
        {"cron": "0 6 * * *"},
        {"timezone": "Europe/Berlin"},
        {"start_at": "2027-01-01T00:00:00Z"},
        {"end_at": "2027-01-01T00:00:00Z"},
        {"exclude": ["2026-12-25"]},
        {"dst": {"gap": "skip"}},
        {"max_runs": 9},
        {"jitter": "2m"},
        {"enabled": False},
    ],
)
def test_only_an_edit_of_when_it_runs_moves_the_next_time(edit: dict[str, Any]) -> None:
    current = in_force(job(schedules=[daily()]))

    update = only_update(plan(current, job(schedules=[daily(**edit)])))

    assert [schedule.is_timing_changed for schedule in update.schedules] == [True]


@pytest.mark.parametrize(
    "edit",
    [
        {"dtstart": "2026-01-06T09:00:00"},
        {"exdate": ["2026-12-26T09:00:00"]},
        {"rdate": ["2026-12-26T10:00:00"]},
    ],
)
def test_an_edit_of_what_stands_beside_a_recurrence_rule_moves_the_next_time(
    edit: dict[str, Any],
) -> None:
    rule = {"rrule": "FREQ=DAILY", "dtstart": "2026-01-05T09:00:00"}
    current = in_force(job(schedules=[rule]))

    update = only_update(plan(current, job(schedules=[{**rule, **edit}])))

    assert [schedule.is_timing_changed for schedule in update.schedules] == [True]


@pytest.mark.parametrize(("max_runs", "is_over"), [(4, True), (5, False)])
def test_a_schedule_ends_with_as_many_runs_as_it_has_had_and_goes_on_with_more(
    max_runs: int, *, is_over: bool
) -> None:
    current = in_force(job(schedules=[daily()]))

    update = only_update(plan(current, job(schedules=[daily(max_runs=max_runs)])))

    assert (update.schedules[0].forecast.next_after is None) == is_over


@pytest.mark.parametrize(
    "edit", [{"misfire_grace": "5m"}, {"kwargs": {"a": 1}}, {"queue": "high"}, {"priority": 9}]
)
def test_an_edit_of_what_a_run_is_given_leaves_the_next_time_alone(edit: dict[str, Any]) -> None:
    current = in_force(job(schedules=[daily()]))

    update = only_update(plan(current, job(schedules=[daily(**edit)])))

    assert [schedule.is_timing_changed for schedule in update.schedules] == [False]


def test_an_edit_of_the_arguments_touches_no_schedule() -> None:
    current = in_force(job(schedules=[daily()]))

    update = only_update(plan(current, job(schedules=[daily()], kwargs={"region": "eu"})))

    assert update.schedules == ()


def test_a_job_that_is_switched_on_gets_a_next_time_after_now() -> None:
    current = in_force(job(schedules=[daily()], enabled=False))

    update = only_update(plan(current, job(schedules=[daily()])))

    assert update.schedules[0].is_timing_changed
    assert update.schedules[0].forecast.next_after == NOW + timedelta(hours=17.5)


def test_a_job_that_is_switched_off_has_no_next_time() -> None:
    current = in_force(job(schedules=[daily()]))

    update = only_update(plan(current, job(schedules=[daily()], enabled=False)))

    assert update.schedules[0].is_timing_changed
    assert update.schedules[0].forecast.next_after is None


def test_what_was_alike_in_the_last_plan_is_compared_anew_when_either_side_is_another() -> None:
    one, true = job(kwargs={"on": 1}), job(kwargs={"on": True})
    current = in_force(one)

    assert plan(current, one).is_empty
    assert plan(current, one).is_empty
    assert [field.new for field in only_update(plan(current, true)).fields] == [True]
    assert plan(in_force(true), true).is_empty
    assert [field.old for field in only_update(plan(current, true)).fields] == [1]


def test_a_field_that_a_hand_has_changed_in_the_database_is_drift() -> None:
    applied = job(queue="reports")
    current = in_force(applied)
    by_hand = current.jobs[0].in_force.model_copy(update={"queue": "other"})  # type: ignore[union-attr]  # it can be read
    current = replace(current, jobs=(replace(current.jobs[0], in_force=by_hand),))

    update = only_update(plan(current, applied))

    assert update.is_drift
    assert [(field.path, field.old, field.new) for field in update.fields] == [
        ("queue", "other", "reports")
    ]


def test_drift_and_an_edit_of_the_files_are_told_apart_field_by_field() -> None:
    current = in_force(job(queue="reports"))
    by_hand = current.jobs[0].in_force.model_copy(update={"queue": "other"})  # type: ignore[union-attr]  # it can be read
    current = replace(current, jobs=(replace(current.jobs[0], in_force=by_hand),))

    update = only_update(plan(current, job(queue="reports", priority=6)))

    assert not update.is_drift
    assert [(field.path, field.is_drift) for field in update.fields] == [
        ("queue", True),
        ("priority", False),
    ]


def test_an_edit_of_the_files_is_no_drift() -> None:
    assert not only_update(plan(in_force(job()), job(queue="reports"))).is_drift


def test_a_stored_definition_that_cannot_be_read_is_replaced() -> None:
    current = in_force(job(schedules=[daily()]))
    broken = replace(current.jobs[0], applied=None, in_force=None, problem="It is missing.")

    update = only_update(plan(replace(current, jobs=(broken,)), job(schedules=[daily()])))

    assert update.replaces == "It is missing."
    assert update.is_drift
    assert update.schedules == ()


def test_the_plan_counts_what_stays_as_it_is() -> None:
    current = in_force(job("a/same"), job("a/edited"), job("a/gone"))

    made = plan(current, job("a/same"), job("a/edited", queue="x"), job("a/new"))

    assert made.unchanged == 1
    assert (made.jobs_before, made.jobs_after) == (3, 3)
    assert [change.address for change in made.changes] == ["a/edited", "a/gone", "a/new"]


def test_the_json_form_carries_the_summary_and_every_change_by_address() -> None:
    current = in_force(job("a/edited", schedules=[daily()]), job("a/gone"))

    document = plan(current, job("a/edited", schedules=[daily(cron="0 6 * * *")]), job("a/new"))

    form = document.as_json()
    assert form["format_version"] == "1.2"
    assert form["summary"] == {
        "create": 1,
        "update": 1,
        "move": 0,
        "delete": 1,
        "drift": 0,
        "notifiers": 0,
        "unchanged": 0,
        "relocated": 0,
        "left_out": 0,
        "jobs": 2,
    }
    assert [(change["address"], change["action"]) for change in form["changes"]] == [
        ("a/edited", "update"),
        ("a/gone", "delete"),
        ("a/new", "create"),
    ]
    assert form["changes"][0]["schedules"][0]["next_before"] == "2026-11-21T05:30:00+00:00"
    assert form["changes"][0]["schedules"][0]["next_after"] == "2026-11-21T06:00:00+00:00"


NAMES = st.sampled_from(["a", "b", "c", "d.e", "f-1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
SECONDS = st.integers(1, 100_000).map(lambda seconds: f"{seconds}s")
SCHEDULES = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
        "jitter": SECONDS,
        "misfire_grace": SECONDS,
        "enabled": st.booleans(),
    },
).flatmap(
    lambda rest: st.one_of(
        SECONDS.map(lambda every: {"every": every, **rest}),
        st.sampled_from(["* * * * *", "30 5 * * 1-5"]).map(lambda cron: {"cron": cron, **rest}),
    )
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "args": st.lists(JSON, max_size=2),
    "kwargs": st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    "queue": NAMES,
    "priority": st.none() | st.integers(0, 9),
    "timeout": SECONDS,
    "overlap": st.sampled_from(["allow", "skip", "queue", "replace"]),
    "enabled": st.booleans(),
    "description": st.text(max_size=5),
    "tags": st.lists(st.text(min_size=1, max_size=3), max_size=2),
    "retry": st.fixed_dictionaries(
        {}, optional={"max_retries": st.integers(0, 9), "delay": SECONDS}
    ),
    "schedules": st.dictionaries(NAMES, SCHEDULES, max_size=2).map(
        lambda named: [{"name": name, **schedule} for name, schedule in sorted(named.items())]
    ),
}
JOBS = st.dictionaries(
    NAMES.map("space/{}".format), st.fixed_dictionaries({}, optional=FIELDS), max_size=4
).map(lambda jobs: [job(address, **fields) for address, fields in jobs.items()])


@given(JOBS)
def test_a_plan_of_what_is_in_force_is_empty(jobs: list[DefinedJob]) -> None:
    assert plan(in_force(*jobs), *jobs).is_empty


@given(JOBS, JOBS, st.randoms())
def test_the_order_of_the_files_makes_no_difference(
    before: list[DefinedJob], after: list[DefinedJob], random: Any
) -> None:
    shuffled = list(after)
    random.shuffle(shuffled)

    assert plan(in_force(*before), *shuffled) == plan(in_force(*before), *after)


@given(JOBS, JOBS)
def test_the_way_back_lists_the_same_fields_with_old_and_new_exchanged(
    before: list[DefinedJob], after: list[DefinedJob]
) -> None:
    there = plan(in_force(*before), *after).updates
    back = plan(in_force(*after), *before).updates

    assert [[(f.path, f.old, f.new) for f in sorted_fields(u)] for u in there] == [
        [(f.path, f.new, f.old) for f in sorted_fields(u)] for u in back
    ]


def sorted_fields(update: Update) -> list[Any]:
    return sorted(update.fields, key=lambda field: field.path)


@given(st.fixed_dictionaries({}, optional=FIELDS), st.sampled_from(sorted(FIELDS)), st.data())
def test_an_edit_of_one_key_changes_fields_of_that_key_and_no_other(
    fields: dict[str, Any], key: str, data: st.DataObject
) -> None:
    edited = {**fields, key: data.draw(FIELDS[key])}

    made = plan(in_force(job(**fields)), job(**edited))

    roots = {field.path.partition(".")[0] for update in made.updates for field in update.fields}
    assert roots <= {key, key.removesuffix("s")}


@given(JOBS, JOBS)
def test_the_digest_names_the_changes_and_nothing_else(
    before: list[DefinedJob], after: list[DefinedJob]
) -> None:
    first = make_plan(in_force(*before, revision=1), after, now=NOW)
    later = make_plan(in_force(*before, revision=9), after, now=NOW + timedelta(days=1))

    assert first.digest == later.digest


def test_a_time_that_has_passed_is_told_of_until_it_was_applied() -> None:
    once = job(schedules=[{"name": "default", "at": [NOW - timedelta(hours=1)]}])
    assert [one.code for one in plan(in_force(), once).diagnostics] == ["W209"]
    assert plan(in_force(once), once).diagnostics == ()
