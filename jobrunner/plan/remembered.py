"""What was worked out of a job, kept for whoever plans again and again, as `watch` does: most jobs of a
large project are the very values that they were the last time.
"""

from collections.abc import Callable
from operator import is_
from typing import TypeVar, TypeVarTuple

_MOST_JOBS = 25_000
"""What is kept of more would not be worth its memory: who has so many waits for other things."""

_Given = TypeVarTuple("_Given")
_Value = TypeVar("_Value")


def remembered(work: Callable[[*_Given], _Value]) -> Callable[[str, *_Given], _Value]:
    """`work`, called with an address before its own arguments, and done anew where one of these is not the
    very object that it was the last time for this address. Its arguments never change.
    """
    last: dict[str, tuple[tuple[*_Given], _Value]] = {}

    def once(address: str, *given: *_Given) -> _Value:
        found = last.get(address)
        if found is not None and all(map(is_, found[0], given)):
            return found[1]
        value = work(*given)
        if len(last) >= _MOST_JOBS:
            last.clear()
        last[address] = given, value
        return value

    return once
