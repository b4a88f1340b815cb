"""Which of the names that there are was meant: for "did you mean", and for what is listed after it."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import lru_cache
from heapq import nlargest
from itertools import islice
from operator import add

_LONGEST_GUESSED = 60
_LIKENESS = 0.65
"""Below it, words that have nothing in common but letters are taken for each other."""
_MOST_COMPARED = 5
"""Names that share the most with what is written: a comparison is slow, and a file may have a thousand
mistakes.
"""
_MOST_LOOKED_AT = 1000
"""Of more names only those are found that are a slip of a finger away."""
_MOST_LISTED = 10


def did_you_mean(text: str, choices: tuple[str, ...]) -> str:
    """The choice that `text` was probably meant to be, or ''."""
    if len(text) > _LONGEST_GUESSED:
        return ""
    asked = _alike(text.strip())
    alike = {_alike(choice): choice for choice in _near(asked, choices)}
    close = get_close_matches(asked, alike, n=1, cutoff=_LIKENESS)
    return alike[close[0]] if close else ""


def listed(names: Collection[str]) -> str:
    """`a, b, c`, of many the first ten and how many more there are."""
    first = list(islice(names, _MOST_LISTED))
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")


def _near(asked: str, choices: tuple[str, ...]) -> list[str]:
    """The choices that are worth a comparison."""
    by_slip, pieces_of = _index(choices)
    slips = (choice for slip in _slips(asked) for choice in by_slip.get(slip, ()))
    near = list(islice(slips, _MOST_COMPARED))
    if near or len(choices) > _MOST_LOOKED_AT:
        return near
    pieces = _pieces(asked)
    return nlargest(_MOST_COMPARED, choices, key=lambda choice: len(pieces & pieces_of[choice]))


@lru_cache(maxsize=8)
def _index(choices: tuple[str, ...]) -> tuple[dict[str, list[str]], dict[str, frozenset[str]]]:
    by_slip: dict[str, list[str]] = {}
    for choice in choices:
        for slip in _slips(_alike(choice)):
            by_slip.setdefault(slip, []).append(choice)
    few = choices if len(choices) <= _MOST_LOOKED_AT else ()
    return by_slip, {choice: _pieces(_alike(choice)) for choice in few}


def _pieces(text: str) -> frozenset[str]:
    """Letters, and letters that are neighbours."""
    return frozenset((*text, *map(add, text, text[1:])))


def _slips(text: str) -> Iterator[str]:
    """The text, and the text without any one of its letters: two texts that differ by a letter too many,
    too few or another, or by two that changed places, have one of these in common.
    """
    yield text
    if len(text) <= _LONGEST_GUESSED:
        for at in range(len(text)):
            yield text[:at] + text[at + 1 :]


def _alike(text: str) -> str:
    """Whether letters are capitals, and which stroke is between words, is no other name."""
    return text.lower().replace("-", "_")
