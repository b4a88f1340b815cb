"""The parameters of a function as they are written → a signature that arguments can be held against."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import Parameter, Signature
from itertools import chain, islice, repeat
from typing import Any

from jobrunner.misfits import AsWritten, signature_in_words
from jobrunner.source.hints import Origin, hint_of


@dataclass(frozen=True, slots=True)
class _Written:
    """One parameter."""

    given: ast.arg
    kind: Any
    default: ast.expr | None


def read_signature(given: ast.arguments, origin: Origin, *, skips_first: bool) -> Signature:
    """With the types of the hints that are known; the others have none. Raises ValueError for one
    that Python itself refuses.
    """
    return Signature([_parameter(one, origin) for one in _written(given, skips_first=skips_first)])


def written_signature(given: ast.arguments, *, skips_first: bool) -> str:
    """`(batch_size: int = 500)`, as it stands in the source."""
    return signature_in_words(
        Signature(
            [
                Parameter(
                    one.given.arg,
                    one.kind,
                    default=_text(one.default),
                    annotation=_text(one.given.annotation),
                )
                for one in _written(given, skips_first=skips_first)
            ]
        )
    )


def _written(given: ast.arguments, *, skips_first: bool) -> Iterator[_Written]:
    return islice(
        _all_written(given), 1 if skips_first and (given.posonlyargs or given.args) else 0, None
    )


def _all_written(given: ast.arguments) -> Iterator[_Written]:
    before = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    defaults = chain(repeat(None, before), given.defaults)
    for one in given.posonlyargs:
        yield _Written(one, Parameter.POSITIONAL_ONLY, next(defaults))
    for one in given.args:
        yield _Written(one, Parameter.POSITIONAL_OR_KEYWORD, next(defaults))
    if given.vararg:
        yield _Written(given.vararg, Parameter.VAR_POSITIONAL, None)
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _Written(one, Parameter.KEYWORD_ONLY, default)
    if given.kwarg:
        yield _Written(given.kwarg, Parameter.VAR_KEYWORD, None)


def _parameter(one: _Written, origin: Origin) -> Parameter:
    annotation = one.given.annotation
    try:
        hint = Parameter.empty if annotation is None else hint_of(annotation, origin)
    except LookupError:
        hint = Parameter.empty
    return Parameter(one.given.arg, one.kind, default=_default(one.default), annotation=hint)


def _default(written: ast.expr | None) -> Any:
    """An expression may turn out to be None, which makes None welcome: it counts as that."""
    match written:
        case None:
            return Parameter.empty
        case ast.Constant(value=value):
            return value
        case _:
            return None


def _text(written: ast.expr | None) -> Any:
    return Parameter.empty if written is None else AsWritten(ast.unparse(written))
