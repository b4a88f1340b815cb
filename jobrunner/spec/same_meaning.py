"""Whether two texts say the same, however each is written."""

from typing import Any

from jobrunner.spec.scalars import AmbiguousNumberError, resolve_plain
from jobrunner.spec.written import Collection, Item, Leaf, Written


def say_the_same(one: Written, other: Written) -> bool:
    """The same values in the same order, and the same comments in any. What the same events mean is the
    same (`spec/builder.py`): so only what is read of a scalar is compared, and not its quotes.
    """
    if len(one.documents) != len(other.documents):
        return False
    roots = (
        (mine.root, yours.root) for mine, yours in zip(one.documents, other.documents, strict=True)
    )
    if not all(_is_same(mine, yours) for mine, yours in roots):
        return False
    return sorted(one.comments) == sorted(other.comments)


def _is_same(one: Leaf | Collection | None, other: Leaf | Collection | None) -> bool:
    match one, other:
        case Leaf(), Leaf():
            return _read(one) == _read(other)
        case Collection(), Collection():
            return (
                one.is_mapping == other.is_mapping
                and one.properties == other.properties
                and len(one.items) == len(other.items)
                and all(map(_is_same_item, one.items, other.items))
            )
        case _:
            return one is other


def _is_same_item(one: Item, other: Item) -> bool:
    return _is_same(one.key, other.key) and _is_same(one.value, other.value)


def _read(leaf: Leaf) -> tuple[Any, ...]:
    """All that its meaning depends on: 1, 1.0, true and '1' are four, and `<<` in quotes is a key."""
    is_quoted = bool(leaf.style)
    if leaf.style == "*" or leaf.properties or leaf.value == "<<":
        return (is_quoted, leaf.value or leaf.text, leaf.properties)
    if is_quoted:
        return (str, leaf.value)
    try:
        value = resolve_plain(leaf.value)
    except AmbiguousNumberError:
        return (None, leaf.value)
    return (type(value), value)
