"""Columns for `unnest`, as PostgreSQL's array literals.

The driver would write `ARRAY['…', '…']`, which takes it and the server several times as long.
"""

from collections.abc import Iterable


def plain_array(values: Iterable[object]) -> str:
    """Of ids, numbers, times and fixed words: what needs no quotes. None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """Of any texts. None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
