"""Digests: equal exactly when the meaning is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.plan.digest import canonical_json, plan_digest, spec_digest
from jobrunner.spec.models import JobSpec, dump_job, load_job


def spec(**fields: object) -> JobSpec:
    return JobSpec.model_validate({"namespace": "a", "name": "b", "task": "c.d", **fields})


def test_the_same_meaning_has_the_same_digest() -> None:
    assert spec_digest(spec(timeout="90s")) == spec_digest(spec(timeout="1m30s", queue="default"))


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", None, [1]])
def test_another_value_has_another_digest(value: object) -> None:
    others = [other for other in (True, 1, 1.0, "1", None, [1]) if repr(other) != repr(value)]

    assert spec_digest(spec(args=[value])) not in {spec_digest(spec(args=[o])) for o in others}


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_makes_no_difference(mapping: dict[str, int]) -> None:
    assert canonical_json(mapping) == canonical_json(dict(reversed(mapping.items())))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_text_through_the_stored_form(number: float) -> None:
    assert canonical_json(json.loads(json.dumps(number))) == canonical_json(number)


def test_the_stored_form_keeps_the_digest() -> None:
    given = spec(kwargs={"ü": [1, 2.5, None]}, schedules=[{"every": "90s"}])

    assert spec_digest(load_job(dump_job(given))) == spec_digest(given)


def test_a_plan_for_another_environment_has_another_digest() -> None:
    change = ("create", "a/b", "", "0123")

    assert plan_digest("acme", "staging", [change]) != plan_digest("acme", "prod", [change])
