"""Arguments of a run, by a form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.errors import UsageError
from jobrunner.web.forms import Form
from jobrunner.web.pages.argument_form import argument_fields, read_arguments


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("EUR", "text", "EUR"),
        ("two\nlines", "long_text", "two\nlines"),
        (5, "whole", "5"),
        (0.5, "number", "0.5"),
        (True, "yes_no", "true"),
        (["DE", "FR"], "json", '["DE", "FR"]'),
        (None, "json", "null"),
        ({"secret": "env:REPORTS_KEY"}, "hidden", "(secret env:REPORTS_KEY)"),
        ({"to": {"secret": "env:REPORTS_KEY"}}, "hidden", "(sensitive)"),
    ],
)
def test_a_field_is_of_the_kind_of_the_value(value: Any, kind: str, shown: str) -> None:
    [field] = argument_fields({"x": value}, ())
    assert (field.kind, field.value) == (kind, shown)


def test_a_sensitive_argument_is_shown_to_nobody() -> None:
    [field] = argument_fields({"pin": "1234"}, ["pin"])
    assert (field.kind, field.value) == ("hidden", "(sensitive)")


@pytest.mark.parametrize(
    ("own", "written", "given"),
    [
        ("EUR", "USD", {"x": "USD"}),
        ("EUR", "EUR", {}),
        (5, " 7 ", {"x": 7}),
        (True, "false", {"x": False}),
        (0.5, "1", {"x": 1.0}),
        (["a"], '["a", "b"]', {"x": ["a", "b"]}),
        (None, "0", {"x": 0}),
        ("two\nlines", "two\r\nlines", {}),
        ({"secret": "env:REPORTS_KEY"}, "", {}),
        ({"secret": "env:REPORTS_KEY"}, "for this once", {"x": "for this once"}),
    ],
)
def test_only_what_differs_is_given(own: Any, written: str, given: dict[str, Any]) -> None:
    assert read_arguments({"x": own}, (), Form([("argument.x", written)])) == given


def test_what_the_form_has_no_field_for_stays_as_it_is() -> None:
    assert read_arguments({"x": 5}, (), Form()) == {}


def test_further_arguments_come_with_the_others() -> None:
    form = Form([("argument.x", "6"), ("further", '{"y": [1]}')])
    assert read_arguments({"x": 5}, (), form) == {"x": 6, "y": [1]}


@pytest.mark.parametrize(
    ("own", "field", "written", "told"),
    [
        (5, "argument.x", "five", "x is 'five', which is no whole number"),
        (0.5, "argument.x", "nan", "x is 'nan', which is no number"),
        ([], "argument.x", "[", "x is no JSON"),
        (5, "further", "[1]", "Further arguments are a JSON object"),
    ],
)
def test_what_cannot_be_read_is_told_by_name(own: Any, field: str, written: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_arguments({"x": own}, (), Form([(field, written)]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\r")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(_JSON)
def test_a_form_that_is_sent_as_it_came_changes_nothing(value: Any) -> None:
    [field] = argument_fields({"x": value}, ())
    assert read_arguments({"x": value}, (), Form([(field.field, field.value)])) == {} or (
        field.kind == "hidden"
    )
