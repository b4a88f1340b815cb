"""Which arguments do not fit a callable, each with its place, before anybody calls it.

The rule is that of `arguments.fit_arguments`, which a worker goes by: no misfits means that the worker
can make the call, except for what a secret turns out to be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, Signature
from typing import Any, NamedTuple

from pydantic import ValidationError

from jobrunner.hints import Expected, Hints
from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.secrets import may_have_reference

Place = tuple[str | int, ...]
"""As `spec.calls.Call.node` takes it; () for what is not there."""

_SHOWN_CHARACTERS = 300
_BY_POSITION = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
_BY_NAME = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}


@dataclass(frozen=True)
class Shape:
    """What is known of a callable without calling it."""

    name: str
    signature: Signature
    hints: Hints | None

    @cached_property
    def positions(self) -> tuple[str, ...]:
        """The names of what it takes by position."""
        return tuple(one.name for one in self._parameters if one.kind in _BY_POSITION)

    @cached_property
    def names(self) -> frozenset[str]:
        """What it takes by name."""
        return frozenset(one.name for one in self._parameters if one.kind in _BY_NAME)

    @cached_property
    def required(self) -> frozenset[str]:
        """What has no default."""
        kinds = _BY_POSITION | _BY_NAME
        return frozenset(
            one.name
            for one in self._parameters
            if one.kind in kinds and one.default is Parameter.empty
        )

    @cached_property
    def takes_more_positions(self) -> bool:
        """It has `*args`."""
        return any(one.kind is Parameter.VAR_POSITIONAL for one in self._parameters)

    @cached_property
    def takes_more_names(self) -> bool:
        """It has `**kwargs`."""
        return any(one.kind is Parameter.VAR_KEYWORD for one in self._parameters)

    @property
    def _parameters(self) -> Iterable[Parameter]:
        return self.signature.parameters.values()


class Misfit(NamedTuple):
    """One argument that does not fit, or the want of one."""

    place: Place
    problem: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be called at all, whatever the arguments are."""

    code: str
    message: str
    help: str = ""
    notes: tuple[str, ...] = ()
    module: str = ""
    """The module whose fault it is: told of once. '' where it is the path's own."""


class Judged(NamedTuple):
    """What does not fit of one call."""

    task: str
    """Name and signature, for people."""
    place: str
    """`billing/tasks.py:41`; '' where it has no source."""
    misfits: Sequence[Misfit]


@dataclass(frozen=True, slots=True)
class AsWritten:
    """An expression that is shown as it stands in the source."""

    text: str

    def __repr__(self) -> str:
        return self.text


def signature_in_words(signature: Signature) -> str:
    """`(batch_size: int = 500)`; without what it returns, and without quotes around hints."""
    plain = [
        one.replace(annotation=AsWritten(one.annotation))
        if isinstance(one.annotation, str)
        else one
        for one in signature.parameters.values()
    ]
    shown = str(Signature(plain))
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"


def find_misfits(
    shape: Shape,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    is_complete: bool = True,
    sensitive: Sequence[str] = (),
) -> list[Misfit]:
    """All of them. Of a `sensitive` argument and of a `{secret: …}` only the name is judged.

    `is_complete` False: the caller may give further arguments, so none is missing.
    """
    found = _unbound(shape, args, kwargs, is_complete=is_complete)
    return [*found, *_values(shape, args, kwargs, sensitive)]


def find_misfits_of_on_end(shape: Shape) -> list[Misfit]:
    """What is missing when it is called with the run that is over; with nothing, if it takes nothing by
    position.
    """
    takes_run = bool(shape.positions) or shape.takes_more_positions
    return list(_missing(shape, [None] if takes_run else [], {}, ()))


def _unbound(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_complete: bool
) -> list[Misfit]:
    found = [*_too_many(shape, args), *_names(shape, args, kwargs)]
    return [*found, *_missing(shape, args, kwargs, found)] if is_complete else found


def _too_many(shape: Shape, args: Sequence[Any]) -> Iterator[Misfit]:
    taken = len(shape.positions)
    if len(args) > taken and not shape.takes_more_positions:
        takes = {0: "nothing", 1: "1 argument"}.get(taken, f"{taken} arguments")
        yield Misfit(
            ("args", taken, "value"),
            f"{shape.name}() takes {takes} by position, here are {len(args)}",
        )


def _names(shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Misfit]:
    by_position = set(shape.positions[: len(args)])
    if not by_position and kwargs.keys() <= shape.names:
        return
    for name in kwargs:
        if name in shape.names:
            if name in by_position:
                problem = f"{shape.name}() gets {name!r} from 'args' already; remove one"
                yield Misfit(("kwargs", name), problem)
        elif not shape.takes_more_names:
            yield Misfit(("kwargs", name), _unknown(shape, name, by_position | kwargs.keys()))


def _unknown(shape: Shape, name: str, given: set[str]) -> str:
    if name in shape.positions:
        return f"{shape.name}() takes {name!r} by position only; write it in 'args'"
    guess = _guess(shape, name, given)
    meant = f"; did you mean {guess!r}?" if guess else ""
    return f"{shape.name}() has no parameter {name!r}{meant}"


def _guess(shape: Shape, name: str, given: set[str]) -> str:
    return did_you_mean(name, tuple(sorted(shape.names - given)))


def _missing(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], found: Sequence[Misfit]
) -> Iterator[Misfit]:
    """Not what another name was written for: that is told of already."""
    by_position = set(shape.positions[: len(args)])
    lacking = shape.required - by_position - (shape.names & kwargs.keys())
    if not lacking:
        return
    told = {str(one.place[1]) for one in found if one.place[0] == "kwargs"}
    meant = {_guess(shape, name, by_position | kwargs.keys()) for name in told}
    names = [repr(name) for name in shape.signature.parameters if name in lacking - told - meant]
    if names:
        yield Misfit((), f"{shape.name}() needs {' and '.join(names)}")


def _values(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], sensitive: Sequence[str]
) -> Iterator[Misfit]:
    hints = shape.hints
    if hints is None:
        return
    for number, value in enumerate(args):
        is_more = number >= len(shape.positions)
        expected = hints.more_positions if is_more else hints.by_position[number]
        name = "" if is_more else shape.positions[number]
        if expected is not None and name not in sensitive:
            yield from _value(expected, name, ("args", number, "value"), value)
    for name, value in kwargs.items():
        expected = hints.by_name.get(name, hints.more_names)
        if expected is not None and name not in sensitive:
            yield from _value(expected, name, ("kwargs", name, "value"), value)


def _value(expected: Expected, name: str, place: Place, value: Any) -> Iterator[Misfit]:
    if isinstance(value, dict | list) and may_have_reference(value):
        return
    try:
        expected.adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        said = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        yield Misfit(
            (*place, *first["loc"]), f"{name or expected.parameter} takes {expected.hint}: {said}"
        )
