"""Which arguments do not fit a callable, each with its place, before anybody calls it.

The rule is that of `arguments.fit_arguments`, which a worker goes by: no misfits means that the worker
can make the call, except for what a secret turns out to be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any, NamedTuple

from pydantic import ValidationError

from jobrunner.hints import Expected, Hints
from jobrunner.spec.keys import did_you_mean
from jobrunner.spec.secrets import has_reference

Place = tuple[str | int, ...]
"""As `spec.calls.Call.node` takes it; () for what is not there."""

_SHOWN_CHARACTERS = 300
_BY_POSITION = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
_BY_NAME = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a callable without calling it."""

    name: str
    signature: Signature
    hints: Hints | None


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
    """What became of one call."""

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


def _unbound(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_complete: bool
) -> list[Misfit]:
    bind = shape.signature.bind if is_complete else shape.signature.bind_partial
    try:
        bind(*args, **kwargs)
    except TypeError:
        found = [*_too_many(shape, args), *_names(shape, args, kwargs)]
        return [*found, *_missing(shape, args, kwargs, found)] if is_complete else found
    return []


def _too_many(shape: Shape, args: Sequence[Any]) -> Iterator[Misfit]:
    parameters = shape.signature.parameters.values()
    taken = sum(one.kind in _BY_POSITION for one in parameters)
    if len(args) > taken and not _has(shape, Parameter.VAR_POSITIONAL):
        takes = {0: "nothing", 1: "1 argument"}.get(taken, f"{taken} arguments")
        yield Misfit(
            ("args", taken, "value"),
            f"{shape.name}() takes {takes} by position, here are {len(args)}",
        )


def _names(shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Misfit]:
    parameters = shape.signature.parameters
    by_position = set(_positions(shape)[: len(args)])
    takes_any = _has(shape, Parameter.VAR_KEYWORD)
    for name in kwargs:
        parameter = parameters.get(name)
        if parameter is not None and parameter.kind in _BY_NAME:
            if name in by_position:
                yield Misfit(
                    ("kwargs", name),
                    f"{shape.name}() gets {name!r} from 'args' already; remove one",
                )
        elif takes_any:
            continue
        elif parameter is not None and parameter.kind is Parameter.POSITIONAL_ONLY:
            yield Misfit(
                ("kwargs", name),
                f"{shape.name}() takes {name!r} by position only; write it in 'args'",
            )
        else:
            yield Misfit(("kwargs", name), _unknown(shape, name, by_position | kwargs.keys()))


def _unknown(shape: Shape, name: str, given: set[str]) -> str:
    guess = _guess(shape, name, given)
    meant = f"; did you mean {guess!r}?" if guess else ""
    return f"{shape.name}() has no parameter {name!r}{meant}"


def _guess(shape: Shape, name: str, given: set[str]) -> str:
    free = tuple(
        one.name
        for one in shape.signature.parameters.values()
        if one.kind in _BY_NAME and one.name not in given
    )
    return did_you_mean(name, free)


def _missing(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], found: Sequence[Misfit]
) -> Iterator[Misfit]:
    """Not what a misspelt name was probably meant for: that is told of already."""
    positions = _positions(shape)
    by_position = set(positions[: len(args)])
    given = by_position | kwargs.keys()
    meant = {_guess(shape, str(one.place[1]), given) for one in found if one.place[0] == "kwargs"}
    lacking = [
        one
        for one in shape.signature.parameters.values()
        if one.default is Parameter.empty and one.kind in _BY_POSITION | _BY_NAME
        if one.name not in by_position and not (one.kind in _BY_NAME and one.name in kwargs)
        if one.name not in meant and ("kwargs", one.name) not in {known.place for known in found}
    ]
    if lacking:
        names = " and ".join(repr(one.name) for one in lacking)
        yield Misfit((), f"{shape.name}() needs {names}")


def _values(
    shape: Shape, args: Sequence[Any], kwargs: Mapping[str, Any], sensitive: Sequence[str]
) -> Iterator[Misfit]:
    hints = shape.hints
    if hints is None:
        return
    more = [hints.more_positions] * (len(args) - len(hints.by_position))
    positions = _positions(shape)
    for number, (expected, value) in enumerate(
        zip((*hints.by_position, *more), args, strict=False)
    ):
        name = positions[number] if number < len(positions) else None
        if name not in sensitive:
            yield from _value(expected, name, ("args", number, "value"), value)
    for name, value in kwargs.items():
        if name not in sensitive:
            expected = hints.by_name.get(name, hints.more_names)
            yield from _value(expected, name, ("kwargs", name, "value"), value)


def _value(
    expected: Expected | None, name: str | None, place: Place, value: Any
) -> Iterator[Misfit]:
    if expected is None or has_reference(value):
        return
    try:
        expected.adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        said = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        yield Misfit(
            (*place, *first["loc"]), f"{name or expected.parameter} takes {expected.hint}: {said}"
        )


def _positions(shape: Shape) -> list[str]:
    return [one.name for one in shape.signature.parameters.values() if one.kind in _BY_POSITION]


def _has(shape: Shape, kind: Any) -> bool:
    return any(one.kind is kind for one in shape.signature.parameters.values())
