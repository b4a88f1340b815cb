"""Arguments as JSON has them become what the type hints ask for, or are refused in words."""

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobrunner.arguments import fit_arguments
from jobrunner.callables import LoadedCallable, load_callable
from jobrunner.errors import CallableError
from jobrunner.masking import Masker

TASKS = """
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional
from uuid import UUID

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from nowhere import Unknown


class Colour(Enum):
    RED = "r"
    GREEN = 2
    r = "x"


class Own:
    pass


@dataclass
class Window:
    start: date
    length: int = 1


class Order(BaseModel):
    id: UUID
    rows: list[Decimal]


def take_date(x: date): return x
def take_datetime(x: datetime): return x
def take_timedelta(x: timedelta): return x
def take_decimal(x: Decimal): return x
def take_uuid(x: UUID): return x
def take_path(x: Path): return x
def take_colour(x: Colour): return x.name
def take_window(x: Window): return [x.start, x.length]
def take_order(x: Order): return x.rows
def take_literal(x: Literal["a", "b"]): return x
def take_optional(x: Optional[date]): return x
def take_default_none(x: date = None): return x
def take_dates(x: list[date]): return x
def take_spans(x: dict[str, timedelta | None]): return x
def take_set(x: set[int]): return x
def take_pair(x: tuple[int, date]): return x
def take_int(x: int): return x
def take_str(x: str): return x
def take_text_or_date(x: str | date): return x
def take_bounded(x: Annotated[int, Field(ge=1)]): return x
def take_unknown(x: Unknown, y: date): return [x, y]
def take_inner_unknown(x: list[Unknown]): return x
def take_own(x: Own): return x
def take_any(x: Any): return x
def take_nothing_said(x): return x
def take_iterable(x: Iterable[int]): return x
def take_all(first: date, /, *rest: int, key: date, **more: Decimal): return [first, rest, key, more]
def take_many(a: int, b: Sequence[Mapping[str, Any]] = (), c: Path = Path("/a/default")): ...


class Called:
    async def __call__(self, day: date): return day


def decorate(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


@decorate
def decorated(x: date): return x
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module `hinted`, fresh for each test."""
    (tmp_path / "hinted.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "hinted", raising=False)


def load(name: str) -> LoadedCallable:
    return load_callable(f"hinted.{name}", allow=())


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    loaded = load(name)
    fitted, named = fit_arguments(loaded, args, kwargs, masker=Masker())
    return loaded.function(*fitted, **named)


def refusal(name: str, *args: Any, masker: Masker | None = None, **kwargs: Any) -> str:
    with pytest.raises(CallableError) as caught:
        fit_arguments(load(name), args, kwargs, masker=masker or Masker())
    assert caught.value.kind == "arguments"
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("take_date", "2026-11-21", date(2026, 11, 21)),
        ("take_datetime", "2026-11-21T12:00:00Z", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("take_timedelta", "1h30m", timedelta(minutes=90)),
        ("take_timedelta", "PT90M", timedelta(minutes=90)),
        ("take_timedelta", 90, timedelta(seconds=90)),
        ("take_decimal", "1.10", Decimal("1.10")),
        (
            "take_uuid",
            "6f1f2a52-6f43-5c1e-9d59-7c5a53c1d0b7",
            UUID("6f1f2a526f435c1e9d597c5a53c1d0b7"),
        ),
        ("take_path", "a/b", Path("a/b")),
        ("take_colour", "r", "RED"),
        ("take_colour", "RED", "RED"),
        ("take_colour", 2, "GREEN"),
        ("take_window", {"start": "2026-11-21"}, [date(2026, 11, 21), 1]),
        (
            "take_order",
            {"id": "6f1f2a52-6f43-5c1e-9d59-7c5a53c1d0b7", "rows": ["1.5"]},
            [Decimal("1.5")],
        ),
        ("take_literal", "a", "a"),
        ("take_optional", None, None),
        ("take_optional", "2026-11-21", date(2026, 11, 21)),
        ("take_default_none", None, None),
        ("take_dates", ["2026-11-21"], [date(2026, 11, 21)]),
        ("take_spans", {"a": "2d", "b": None}, {"a": timedelta(days=2), "b": None}),
        ("take_set", [1, 2], {1, 2}),
        ("take_pair", [1, "2026-11-21"], (1, date(2026, 11, 21))),
        ("take_int", "5", 5),
        ("take_text_or_date", "2026-11-21", "2026-11-21"),
        ("take_inner_unknown", ["x"], ["x"]),
        ("take_own", "x", "x"),
        ("take_any", "2026-11-21", "2026-11-21"),
        ("take_nothing_said", "2026-11-21", "2026-11-21"),
        ("take_iterable", [1, 2], [1, 2]),
        ("decorated", "2026-11-21", date(2026, 11, 21)),
    ],
)
def test_a_value_becomes_what_the_hint_says(name: str, given: Any, taken: Any) -> None:
    assert call(name, given) == taken
    assert call(name, x=given) == taken


def test_a_hint_that_cannot_be_resolved_leaves_the_others_in_force() -> None:
    assert call("take_unknown", "x", "2026-11-21") == ["x", date(2026, 11, 21)]


def test_every_kind_of_parameter_is_fitted() -> None:
    taken = call("take_all", "2026-11-21", "1", "2", key="2026-11-22", first="1.5")
    assert taken == [date(2026, 11, 21), (1, 2), date(2026, 11, 22), {"first": Decimal("1.5")}]


def test_the_hints_of_a_call_method_count() -> None:
    fitted, _ = fit_arguments(load("Called"), ["2026-11-21"], {}, masker=Masker())
    assert fitted == (date(2026, 11, 21),)


def test_a_refusal_names_the_parameter_the_value_the_type_and_the_signature() -> None:
    told = refusal("take_many", 1, b=[{"x": 1}, "soon"])
    assert "b[1] is 'soon', and b takes Sequence[Mapping[str, Any]]: " in told
    assert "It is take_many(a: 'int', b: 'Sequence[Mapping[str, Any]]'" in told


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("take_date", "soon"),
        ("take_str", 5),
        ("take_int", "5.5"),
        ("take_timedelta", "1h30"),
        ("take_colour", "PURPLE"),
        ("take_literal", "c"),
        ("take_bounded", 0),
        ("take_window", {"start": "2026-11-21", "length": "long"}),
        ("take_dates", "2026-11-21"),
        ("take_optional", ""),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: Any) -> None:
    assert refusal(name, given).startswith(
        f"hinted.{name} cannot be called with these arguments: x"
    )


def test_what_is_missing_in_an_argument_is_said_in_plain_words() -> None:
    told = refusal("take_order", {"rows": []})
    assert "x['id'] is missing, and x takes Order. It is take_order(" in told


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"x": "soon"}, "Correct what this run was given: --kwargs, or the kwargs of trigger()."),
        ({"y": 1}, "Correct what this run was given: --kwargs, or the kwargs of trigger()."),
        ({}, "Correct `args` and `kwargs` of the job."),
    ],
)
def test_the_hint_says_whose_arguments_are_wrong(given: dict[str, Any], hint: str) -> None:
    kwargs = {"x": "of the job", **given}
    with pytest.raises(CallableError) as caught:
        fit_arguments(load("take_date"), [], kwargs, masker=Masker(), given=given)
    assert caught.value.hint == hint


def test_a_long_value_is_cut() -> None:
    assert len(refusal("take_date", "x" * 10_000)) < 400


def test_a_secret_is_masked_before_it_is_cut() -> None:
    masker = Masker()
    masker.add("s3cr3t" * 30)
    told = refusal("take_dates", ["s3cr3t" * 30], masker=masker)
    assert "x[0] is '***'" in told
    assert "s3cr3t" not in told


def test_a_refusal_carries_no_exception_that_quotes_the_value() -> None:
    with pytest.raises(CallableError) as caught:
        fit_arguments(load("take_date"), ["soon"], {}, masker=Masker())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_callable_without_hints_has_nothing_to_check() -> None:
    assert load("take_nothing_said").hints is None
