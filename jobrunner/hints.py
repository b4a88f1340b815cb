"""What a callable's type hints make of JSON: dates of text, enums of names, models of objects.

Read once for each callable; Pydantic does the work.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial, reduce
from inspect import Parameter
from operator import or_
from types import SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, TypeAdapter

from jobrunner.spec.durations import parse_duration

_BY_POSITION = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
_BY_NAME = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
_LAZY = {"Iterable", "Iterator", "Generator"}
"""Pydantic would make them iterators that can be read once, where the callable may expect a list."""


class Expected(NamedTuple):
    """What one parameter takes."""

    parameter: str
    hint: str
    """As the signature shows it."""
    adapter: TypeAdapter[Any]


@dataclass(frozen=True, slots=True)
class Hints:
    """What the parameters of a callable take; None for those whose hints say nothing."""

    by_position: tuple[Expected | None, ...]
    by_name: Mapping[str, Expected | None]
    more_positions: Expected | None
    """For each of `*args`."""
    more_names: Expected | None
    """For each of `**kwargs`."""


def read_hints(function: Callable[..., Any], signature: inspect.Signature) -> Hints | None:
    """The hints of all parameters; None when there is nothing to check.

    A hint that cannot be resolved here (`TYPE_CHECKING` imports) or that Pydantic knows nothing of
    (a class of one's own that is no dataclass) says nothing.
    """
    return make_hints(signature, _namespace(function))


def make_hints(
    signature: inspect.Signature,
    namespace: dict[str, Any],
    make_adapter: Callable[[Any], TypeAdapter[Any]] = TypeAdapter,
) -> Hints | None:
    """The same, of a signature alone. `namespace`: where the names in hints that are text are looked up."""
    parameters = signature.parameters.values()
    expected = {one.name: _expected(one, namespace, make_adapter) for one in parameters}
    if not any(expected.values()):
        return None
    kinds = {one.kind: expected[one.name] for one in parameters}
    return Hints(
        by_position=tuple(expected[one.name] for one in parameters if one.kind in _BY_POSITION),
        by_name={one.name: expected[one.name] for one in parameters if one.kind in _BY_NAME},
        more_positions=kinds.get(Parameter.VAR_POSITIONAL),
        more_names=kinds.get(Parameter.VAR_KEYWORD),
    )


def _namespace(function: Callable[..., Any]) -> dict[str, Any]:
    """Where the names in the hints are looked up: the module of the innermost function."""
    target = function if hasattr(function, "__globals__") else type(function).__call__
    namespace: dict[str, Any] = getattr(inspect.unwrap(target), "__globals__", {})
    return namespace


def _expected(
    parameter: Parameter,
    namespace: dict[str, Any],
    make_adapter: Callable[[Any], TypeAdapter[Any]],
) -> Expected | None:
    if parameter.annotation is Parameter.empty:
        return None
    try:
        hint = _resolved(parameter.annotation, namespace)
        if hint in {Any, object} or getattr(get_origin(hint) or hint, "__name__", "") in _LAZY:
            return None
        # `def f(a: int = None)` is common, and means that None is welcome.
        taken = hint | None if parameter.default is None else hint
        adapter = make_adapter(_widened(taken))
    except Exception:  # noqa: BLE001  hints and the schemas of classes are the user's code
        return None
    if not adapter.pydantic_complete:  # a name within it is not known
        return None
    given = parameter.annotation
    shown = given if isinstance(given, str) else inspect.formatannotation(given)
    return Expected(parameter.name, shown, adapter)


def _resolved(annotation: Any, namespace: dict[str, Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"hint": annotation})
    return get_type_hints(holder, namespace, include_extras=True)["hint"]


def _widened(hint: Any) -> Any:
    """The hint with our own forms of durations (`1h30m`) and enums (by name) besides Pydantic's.

    Not within the fields of dataclasses and models: what those take is their own business.
    """
    if hint is timedelta:
        return Annotated[timedelta, BeforeValidator(_duration)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[hint, BeforeValidator(partial(_member, hint))]
    origin, parts = get_origin(hint), get_args(hint)
    if not parts or origin in {Literal, Callable, type}:
        return hint
    if origin is Annotated:
        return Annotated[_widened(parts[0]), *parts[1:]]
    widened = tuple(_widened(part) for part in parts)
    return reduce(or_, widened) if origin in {Union, UnionType} else origin[widened]


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError:
        return value  # ISO 8601, or wrong: Pydantic tells


def _member(enum: type[Enum], value: object) -> object:
    """Values first: a name that is another member's value means the value."""
    if not isinstance(value, str) or any(member.value == value for member in enum):
        return value
    return enum.__members__.get(value, value)
