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


def json_texts(values: Iterable[str]) -> str:
    """Of JSON texts, for `string_to_array(…, chr(30))`: full of quotes, which an array would need twice.

    Between them stands what RFC 7464 puts there, the record separator, which no JSON holds as it is.
    """
    return "\x1e".join(values)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
