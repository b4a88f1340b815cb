"""Entries of beat as jobs: arguments arrive as they were, options become keys or notes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.importing.beat_entry import BeatEntry, read_entry
from jobrunner.importing.entries import Job, Left
from tests.importing.reading import read_back, result_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["${A}", "$$", "no", "1_0"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def entry(**given: Any) -> BeatEntry:
    """An entry that runs `acme.report` each hour."""
    told: dict[str, Any] = {
        "where": "here", "name": "a", "task": "acme.report", "args": (), "kwargs": {}, "options": {},
        "schedule": {"kind": "crontab", "minute": "0"}, "timezone": "UTC",
    }  # fmt: skip
    return BeatEntry(**{**told, **given})


def read(**given: Any) -> Job:
    """The job of such an entry."""
    job = read_entry(entry(**given))
    assert isinstance(job, Job)
    return job


@settings(deadline=None)
@given(st.lists(JSON, max_size=2))
def test_any_arguments_are_read_back_as_they_were_or_left(args: list[Any]) -> None:
    result = result_of([read(args=args)], "beat")
    assert [list(spec.args) for spec in read_back(result).values()] == [args] * len(result.jobs)
    assert len(result.jobs) + len(result.left) == 1


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"task": None}, "it names no task"),
        ({"args": 3}, "its args are no list"),
        ({"kwargs": [1]}, "its kwargs are no mapping"),
        ({"args": [float("nan")]}, "cannot be said in JSON"),
    ],
)
def test_what_cannot_be_said_is_left(given: dict[str, Any], part: str) -> None:
    found = read_entry(entry(**given))
    assert isinstance(found, Left)
    assert part in found.reason


@pytest.mark.parametrize("kwargs", [{"a": 2**63}, {"${a}": 1}, {"a": {"secret": "env:A"}}])
def test_what_would_be_read_otherwise_is_left(kwargs: dict[str, Any]) -> None:
    (left,) = result_of([read(kwargs=kwargs)], "beat").left
    assert left.reason.startswith("it cannot be said in YAML: ")


@pytest.mark.parametrize(
    ("options", "broker", "keys"),
    [
        ({"queue": "high"}, "", {"queue": "high"}),
        ({"expires": 90}, "", {"expires": "1m30s"}),
        ({"priority": 7}, "amqp", {"priority": 7}),
        ({"priority": 7}, "redis", {"priority": 2}),
    ],
)
def test_an_option_with_a_key_is_taken(
    options: dict[str, Any], broker: str, keys: dict[str, Any]
) -> None:
    assert read(options=options, broker=broker).keys == {"celery_task": "acme.report"} | keys


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"queue": "Hoch!"}, "queue 'Hoch!' is no name of a queue here; the app's routes decide"),
        ({"expires": "soon"}, "option expires='soon' is no time and is not taken"),
        ({"countdown": 3}, "option countdown=3 has no key here and is not taken"),
    ],
)
def test_an_option_without_one_is_told_of(options: dict[str, Any], note: str) -> None:
    job = read(options=options)
    assert (job.keys, job.notes) == ({"celery_task": "acme.report"}, (note,))


def test_a_priority_that_may_mean_two_things_is_not_taken() -> None:
    job = read(options={"priority": 12}, broker="amqp")
    assert "priority" not in job.keys
    assert job.notes[0].startswith("priority 12 is not taken")


def test_a_moment_of_expiry_ends_the_schedule() -> None:
    job = read(options={"expires": datetime(2027, 1, 1, tzinfo=UTC)})
    assert job.schedule["end_at"] == "2027-01-01T00:00:00Z"


def test_options_that_say_nothing_are_not_told_of() -> None:
    assert read(options={"headers": {}, "queue": None, "priority": None}).notes == ()
