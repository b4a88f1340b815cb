"""Plain scalars by YAML 1.2's core schema, as editors read them; the ambiguous ones are refused.

`no`, `off`, `12:30` and `2026-01-02` are texts. What YAML 1.1 readers take for another number
(`010`, `1_000`), and numbers that JSON or PostgreSQL cannot carry, are refused.
"""

import re
from functools import lru_cache

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip

MAY_BE_SPECIAL = frozenset("0123456789+-.~nNtTfF")
"""First characters of everything that is not simply a text; the empty text aside."""

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 100


class AmbiguousNumberError(ValueError):
    """A plain scalar that reads as different numbers, or as none that can be kept. A sentence."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@lru_cache(maxsize=4096)  # the files of a project say the same numbers again and again
def resolve_plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Raises AmbiguousNumberError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in MAY_BE_SPECIAL:
        return text
    if len(text) > _LONGEST_NUMBER:
        return _long(text)
    if _LEADING_ZERO.fullmatch(text):
        dropped = str(int(text))
        raise AmbiguousNumberError(
            f"{text} is eight-based to some readers and ten-based to others",
            hint=f'write {dropped} for the number, or "{text}" in quotes for the text',
        )
    if _UNDERSCORED.fullmatch(text):
        raise AmbiguousNumberError(
            f"{text} is a number to some readers and text to others",
            hint=f'write {text.replace("_", "")} for the number, or "{text}" in quotes for the text',
        )
    return _number(text)


def _number(text: str) -> str | int | float:
    if _DECIMAL.fullmatch(text):
        return _in_range(int(text), text)
    if _OCTAL.fullmatch(text):
        return _in_range(int(text, 0), text)
    if _HEXADECIMAL.fullmatch(text):
        return _in_range(int(text, 0), text)
    if _NOT_FINITE.fullmatch(text):
        raise _not_finite(text)
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _not_finite(text)
    return number


def _in_range(number: int, text: str) -> int:
    if -_LARGEST - 1 <= number <= _LARGEST:
        return number
    raise _too_large(text)


def _long(text: str) -> str:
    if _FLOAT.fullmatch(text):
        raise _too_large(text[:20] + "…")
    return text


def _too_large(text: str) -> AmbiguousNumberError:
    return AmbiguousNumberError(
        f"{text} is beyond the numbers that can be stored (64 bits)",
        hint="put it in quotes to keep it as text",
    )


def _not_finite(text: str) -> AmbiguousNumberError:
    return AmbiguousNumberError(
        f"{text} is not a number that JSON can carry", hint="put it in quotes to keep it as text"
    )
