"""The parameters of a function as they are written → a signature that arguments can be held against."""

import ast
from collections.abc import Iterable, Iterator
from inspect import Parameter, Signature
from itertools import chain, repeat
from typing import Any, NamedTuple

from jobrunner.misfits import AsWritten, signature_in_words
from jobrunner.source.hints import Origin, hint_of


class WrittenParameter(NamedTuple):
    """One parameter."""

    given: ast.arg
    kind: Any
    default: ast.expr | None


def written_parameters(given: ast.arguments, *, skips_first: bool) -> list[WrittenParameter]:
    """Those of a function. `skips_first`: its first argument by position is passed by somebody else."""
    found = list(_all_written(given))
    return found[1:] if skips_first and (given.posonlyargs or given.args) else found


def as_signature(parameters: Iterable[WrittenParameter], origin: Origin) -> Signature:
    """With the types of the hints that are known; the others have none. Raises ValueError for one
    that Python itself refuses.
    """
    return Signature([_parameter(one, origin) for one in parameters])


def in_words(parameters: Iterable[WrittenParameter]) -> str:
    """`(batch_size: int = 500)`, as it stands in the source."""
    return signature_in_words(Signature([_shown(one) for one in parameters]))


def _all_written(given: ast.arguments) -> Iterator[WrittenParameter]:
    before = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    defaults = chain(repeat(None, before), given.defaults)
    for one in given.posonlyargs:
        yield WrittenParameter(one, Parameter.POSITIONAL_ONLY, next(defaults))
    for one in given.args:
        yield WrittenParameter(one, Parameter.POSITIONAL_OR_KEYWORD, next(defaults))
    if given.vararg:
        yield WrittenParameter(given.vararg, Parameter.VAR_POSITIONAL, None)
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield WrittenParameter(one, Parameter.KEYWORD_ONLY, default)
    if given.kwarg:
        yield WrittenParameter(given.kwarg, Parameter.VAR_KEYWORD, None)


def _parameter(one: WrittenParameter, origin: Origin) -> Parameter:
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


def _shown(one: WrittenParameter) -> Parameter:
    default, annotation = _text(one.default), _text(one.given.annotation)
    return Parameter(one.given.arg, one.kind, default=default, annotation=annotation)


def _text(written: ast.expr | None) -> Any:
    return Parameter.empty if written is None else AsWritten(ast.unparse(written))
