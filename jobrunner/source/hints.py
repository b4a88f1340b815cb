"""Annotations as they are written → the types they stand for, of those that everybody knows.

Nothing is evaluated: an annotation may hold any expression. What is not known for certain raises
LookupError and says nothing of an argument.
"""

import ast
import builtins
import collections.abc
import datetime as dt
import decimal
import pathlib
import typing
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

_NAMES: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (builtins, ("int", "float", "str", "bool", "bytes", "list", "dict", "tuple", "set", "frozenset")),
    (builtins, ("object",)),
    (typing, ("Any", "Optional", "Union", "Literal", "List", "Dict", "Tuple", "Set", "FrozenSet")),
    (collections.abc, ("Sequence", "Mapping")),
    (typing, ("Sequence", "Mapping")),
    (dt, ("date", "datetime", "time", "timedelta")),
    (decimal, ("Decimal",)),
    (pathlib, ("Path",)),
    (uuid, ("UUID",)),
)  # fmt: skip
_KNOWN = {
    f"{module.__name__}.{name}": getattr(module, name) for module, names in _NAMES for name in names
}
_DEEPEST = 20

Origin = Callable[[ast.expr], str | None]
"""The dotted path that an expression stands for in its module; `builtins.int` for `int`."""


def hint_of(annotation: ast.expr, origin: Origin, depth: int = 0) -> Any:
    """The type. Raises LookupError for one that is not known."""
    if depth > _DEEPEST:
        raise LookupError
    match annotation:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str() as text):
            return hint_of(_parsed(text), origin, depth + 1)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            both = hint_of(left, origin, depth + 1), hint_of(right, origin, depth + 1)
            return _made(lambda: typing.Union[both])  # noqa: UP007  of values, not of names
        case ast.Subscript(value=value, slice=index):
            whole = hint_of(value, origin, depth + 1)
            parts = _parts(index, whole, origin, depth + 1)
            return _made(lambda: whole[parts])
        case _:
            return _KNOWN[origin(annotation) or ""]


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise LookupError from None


def _parts(index: ast.expr, whole: Any, origin: Origin, depth: int) -> Any:
    items = index.elts if isinstance(index, ast.Tuple) else [index]
    if whole is typing.Literal:
        found = [item.value for item in items if isinstance(item, ast.Constant)]
        if len(found) != len(items):
            raise LookupError
        return tuple(found)
    hints = [... if _is_dots(item) else hint_of(item, origin, depth) for item in items]
    return tuple(hints) if isinstance(index, ast.Tuple) else hints[0]


def _is_dots(item: ast.expr) -> bool:
    return isinstance(item, ast.Constant) and item.value is ...


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except TypeError:  # `int[str]`, `Optional[int, str]`
        raise LookupError from None
