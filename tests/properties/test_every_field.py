"""Each field of the format, changed alone, is one field of the plan, in every form in which it is told."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from jobrunner.cli.plan_markdown import plan_markdown
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.style import unstyle
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.spec.editor_schema import editor_schema
from jobrunner.spec.models import (
    Alert,
    CatchUp,
    ClockChanges,
    JobSpec,
    Retry,
    ScheduleSpec,
    SolarEvent,
)
from jobrunner.spec.reference import key_meanings
from tests.plan.test_diff import NOW, in_force, job

_ALERT = {"when": ["failure"], "to": ["oncall"]}
_SUN = {"event": "sunrise", "latitude": 48.1, "longitude": 11.6}
_PAGE = "https://example.com"
_DAILY = {"cron": "0 6 * * *"}
_MONDAYS = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "dtstart": "2026-11-16T09:00:00"}

JOB: dict[str, Any] = {
    "task": ("a.b", "a.c"), "celery_task": ("a.b", "a.c"), "command": (["ls"], ["ls", "-l"]),
    "args": ([], [1]), "queue": ("default", "slow"), "priority": (None, 3), "expires": (None, "1h"),
    "timeout": ("1h", "2h"), "soft_timeout": (None, "5m"), "on_lost": (None, "fail"),
    "overlap": ("skip", "allow"), "max_concurrency": (None, 2), "on_end": (None, "a.c"),
    "isolate": (False, True), "sensitive": ([], ["password"]), "enabled": (True, False),
    "description": ("", "new"), "owner": ("", "ada"), "tags": ([], ["new"]), "alerts": ([], [_ALERT]),
    "protect": (False, True),
}  # fmt: skip
"""Field → what it was and what it becomes. One of another kind than a task has no task."""
KEYED: dict[str, Any] = {
    "kwargs": ({}, {"key": 1}),
    "links": ({"other": _PAGE}, {"other": _PAGE, "key": _PAGE}),
}
RETRY = {
    "max_retries": (0, 2), "backoff": ("exponential", "fixed"), "delay": ("10s", "20s"),
    "factor": (2.0, 3.0), "max_delay": ("10m", "20m"), "jitter": (True, False),
    "for": ([], ["TimeoutError"]), "not_for": ([], ["ValueError"]),
}  # fmt: skip
CATCH_UP = {"policy": ("latest", "all"), "window": (None, "1d"), "max": (None, 3)}
SCHEDULE: dict[str, Any] = {
    "timezone": ("UTC", "Asia/Tokyo"), "start_at": (None, "2027-01-01T00:00:00Z"),
    "end_at": (None, "2027-01-01T00:00:00Z"), "exclude": ([], ["2026-12-25"]), "jitter": ("0s", "5m"),
    "misfire_grace": ("1m", "2m"), "max_runs": (None, 3), "enabled": (True, False), "args": (None, [1]),
    "queue": (None, "slow"), "priority": (None, 3),
}  # fmt: skip
RULES = {
    "cron": (_DAILY, {"cron": "0 7 * * *"}),
    "every": ({"every": "1h"}, {"every": "2h"}),
    "rrule": (_MONDAYS, _MONDAYS | {"rrule": "FREQ=WEEKLY;BYDAY=TU"}),
    "at": ({"at": ["2027-01-01T00:00:00Z"]}, {"at": ["2027-01-02T00:00:00Z"]}),
    "anchor": ({"every": "1h"}, {"every": "1h", "anchor": "2026-01-01T00:00:00Z"}),
    "dtstart": (_MONDAYS, _MONDAYS | {"dtstart": "2026-11-23T09:00:00"}),
    "exdate": (_MONDAYS, _MONDAYS | {"exdate": ["2026-11-30T09:00:00"]}),
    "rdate": (_MONDAYS, _MONDAYS | {"rdate": ["2026-12-01T09:00:00"]}),
}
"""What goes with one rule alone."""
DST = {"gap": (None, "skip"), "overlap": (None, "both")}
SOLAR = {"event": ("sunrise", "sunset"), "latitude": (48.1, 50.0), "longitude": (11.6, 10.0)}
ALERT = {
    "when": (["failure"], ["failure", "missed"]), "after": ("1h", "2h"), "to": (["oncall"], ["team"]),
}  # fmt: skip

NO_KEYS = {"namespace", "name", "celery"}
"""Fields of the models that no key of a job gives."""
SECTIONS: list[tuple[type[BaseModel], set[str]]] = [
    (JobSpec, {*JOB, *KEYED, "retry", "catch_up", "schedules"}),
    (Retry, {*RETRY}),
    (CatchUp, {*CATCH_UP}),
    (ScheduleSpec, {*SCHEDULE, *RULES, "dst", "solar", "kwargs"}),
    (ClockChanges, {*DST}),
    (SolarEvent, {*SOLAR}),
    (Alert, {*ALERT}),
]


@pytest.mark.parametrize(("model", "fields"), SECTIONS)
def test_every_field_of_the_models_is_changed_here(
    model: type[BaseModel], fields: set[str]
) -> None:
    named = {field.alias or name for name, field in model.model_fields.items()}
    assert named - NO_KEYS == fields


def cases() -> Iterator[Any]:
    """(the field as the plan names it, its key as `explain` knows it, fields before, fields after)"""
    for key, (old, new) in JOB.items():
        kind: dict[str, Any] = {"task": None} if key in {"celery_task", "command"} else {}
        yield key, f"job.{key}", kind | {key: old}, kind | {key: new}
    for key, (before, after) in KEYED.items():
        yield f"{key}.key", f"job.{key}", {key: before}, {key: after}
    for above, keys in (("retry", RETRY), ("catch_up", CATCH_UP)):
        for key, (old, new) in keys.items():
            yield f"{above}.{key}", f"{above}.{key}", {above: {key: old}}, {above: {key: new}}
    for key, (old, new) in SCHEDULE.items():
        yield f"schedule.{key}", f"schedule.{key}", *_scheduled({key: old}, {key: new})
    for key, (was, becomes) in RULES.items():
        yield f"schedule.{key}", f"schedule.{key}", {"schedules": [was]}, {"schedules": [becomes]}
    for key, (old, new) in DST.items():
        yield (
            f"schedule.dst.{key}",
            f"dst.{key}",
            *_scheduled({"dst": {key: old}}, {"dst": {key: new}}),
        )
    for key, (old, new) in SOLAR.items():
        suns = [[{"solar": _SUN | {key: value}}] for value in (old, new)]
        yield (
            f"schedule.solar.{key}",
            f"solar.{key}",
            {"schedules": suns[0]},
            {"schedules": suns[1]},
        )
    yield (
        "schedule.kwargs.key",
        "schedule.kwargs",
        *_scheduled({"kwargs": {}}, {"kwargs": {"key": 1}}),
    )
    for key, (old, new) in ALERT.items():
        late = _ALERT | {"when": ["late"], "after": "1h"} if key == "after" else _ALERT
        alerts = [[late | {key: value}] for value in (old, new)]
        yield "alerts", f"alerts.{key}", {"alerts": alerts[0]}, {"alerts": alerts[1]}


def _scheduled(old: dict[str, Any], new: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"schedules": [_DAILY | old]}, {"schedules": [_DAILY | new]}


CASES = [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in cases()]


def plan_of(before: dict[str, Any], after: dict[str, Any], now: datetime = NOW) -> Plan:
    return make_plan(in_force(job(**before)), [job(**after)], now=now)


@pytest.mark.parametrize(("field", "key", "before", "after"), CASES)
def test_a_field_that_alone_changes_is_one_field_in_json(
    field: str, key: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    del key
    told = json.loads(json.dumps(plan_of(before, after).as_json()))
    [change] = told["changes"]
    assert [one["path"] for one in change["fields"]] == [field]


@pytest.mark.parametrize(("field", "key", "before", "after"), CASES)
def test_a_field_that_alone_changes_is_one_row_of_the_text(
    field: str, key: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    del key
    rows = [unstyle(line).split() for line in plan_lines(plan_of(before, after))]
    assert [row[0] for row in rows if row[:1] == [field]] == [field]
    assert [row[:2] for row in rows if row[:1] == ["~"]] == [["~", "reports/nightly"]]


@pytest.mark.parametrize(("field", "key", "before", "after"), CASES)
def test_a_field_that_alone_changes_is_the_only_one_of_its_row_in_markdown(
    field: str, key: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    del key
    [row] = [
        line for line in plan_markdown(plan_of(before, after)).splitlines() if line[:3] == "| ~"
    ]
    assert row.split(" | ")[2] == f"update `{field}`"


@pytest.mark.parametrize(("field", "key", "before", "after"), CASES)
def test_every_field_is_explained_once_and_stands_in_the_schema(
    field: str, key: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    del field, before, after
    [meaning] = key_meanings(key)
    assert len(meaning.meaning) > 10
    assert json.dumps(editor_schema()).count(json.dumps(meaning.meaning)) >= 1
