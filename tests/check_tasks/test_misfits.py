"""Which arguments fit: the same as what a worker can make a call of."""

import inspect
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jobrunner.arguments import fit_arguments
from jobrunner.callables import LoadedCallable
from jobrunner.errors import CallableError
from jobrunner.hints import read_hints
from jobrunner.masking import Masker
from jobrunner.misfits import Misfit, Shape, find_misfits, signature_in_words


class Colour(Enum):
    RED = "red"


class Order(BaseModel):
    number: int
    days: list[date] = []


def plain(a: int, b: str = "", *, c: bool = False) -> None: ...
def positional(a: int, b: date | None = None, /, c: float = 1.0) -> None: ...
def starred(a: Literal["x", 1], *b: int, **c: timedelta) -> None: ...
def modelled(a: Order, b: Colour = Colour.RED, *, c: list[int] | None = None) -> None: ...
def untyped(a, /, b, c=None, **d): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN201


FUNCTIONS: list[Callable[..., None]] = [plain, positional, starred, modelled, untyped]
VALUES = st.sampled_from(
    [1, 2.5, True, None, "x", "1", "1h30m", "2026-11-21", "red", "RED", [1], ["1"], ["x"], {},
     {"number": 3}, {"number": "x"}, {"number": 1, "days": ["2026-11-21"]}]
)  # fmt: skip


def shape(function: Callable[..., Any]) -> Shape:
    signature = inspect.signature(function)
    return Shape(function.__name__, signature, read_hints(function, signature))


def misfits(
    function: Callable[..., Any], *args: Any, is_complete: bool = True, **kwargs: Any
) -> list[Misfit]:
    return find_misfits(shape(function), args, kwargs, is_complete=is_complete)


def worker_can_call(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> bool:
    known = shape(function)
    loaded = LoadedCallable("acme.tasks.it", function, known.signature, known.hints)
    try:
        fit_arguments(loaded, args, kwargs, masker=Masker())
    except CallableError:
        return False
    return True


@given(
    st.sampled_from(FUNCTIONS),
    st.lists(VALUES, max_size=4),
    st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES, max_size=4),
)
def test_no_misfit_is_found_exactly_where_a_worker_can_make_the_call(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> None:
    found = find_misfits(shape(function), args, kwargs)
    assert (found == []) == worker_can_call(function, args, kwargs)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (misfits(plain, 1, d=2), [(("kwargs", "d"), "plain() has no parameter 'd'")]),
        (misfits(plain), [((), "plain() needs 'a'")]),
        (misfits(plain, 1, "", 3), [
            (("args", 2, "value"), "plain() takes 2 arguments by position, here are 3")
        ]),
        (misfits(plain, 1, a=1), [
            (("kwargs", "a"), "plain() gets 'a' from 'args' already; remove one")
        ]),
        (misfits(positional, c=1, a=2), [
            (("kwargs", "a"), "positional() takes 'a' by position only; write it in 'args'")
        ]),
        (misfits(starred, "x", 1, "z"), [
            (("args", 2, "value"),
             "b takes int: input should be a valid integer, unable to parse string as an integer")
        ]),
        (misfits(modelled, {"number": 1, "days": ["2026-11-21", "x"]}), [
            (("args", 0, "value", "days", 1),
             f"a takes {__name__}.Order: input should be a valid date or datetime, input is too short")
        ]),
    ],
)  # fmt: skip
def test_each_misfit_has_its_place_and_its_words(
    found: list[Misfit], expected: list[tuple[tuple[Any, ...], str]]
) -> None:
    assert [tuple(one) for one in found] == expected


def test_a_misspelt_name_is_not_told_of_as_missing_too() -> None:
    def charge(batch_size: int) -> None: ...

    assert misfits(charge, batchsize=1) == [
        (
            ("kwargs", "batchsize"),
            "charge() has no parameter 'batchsize'; did you mean 'batch_size'?",
        )
    ]


def test_arguments_that_others_may_add_are_not_missing() -> None:
    assert misfits(plain, is_complete=False) == []


def test_of_a_secret_and_of_a_sensitive_argument_only_the_name_is_judged() -> None:
    given = {"a": {"secret": "env:NUMBER"}, "c": "canary", "d": "canary"}
    found = find_misfits(shape(plain), (), given, sensitive=("c", "d"))
    assert found == [(("kwargs", "d"), "plain() has no parameter 'd'")]


def test_a_signature_is_shown_without_quotes_and_without_what_it_returns() -> None:
    def charge(batch_size: "int" = 500, *, dry_run: bool = False) -> "None": ...

    shown = signature_in_words(inspect.signature(charge))
    assert shown == "(batch_size: int = 500, *, dry_run: bool = False)"
