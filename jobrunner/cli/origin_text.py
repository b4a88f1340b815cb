"""Where the values of a job come from, for a person."""

import json
from collections.abc import Sequence
from typing import Any

from jobrunner.cli.layout import Column, Table, table_lines, text
from jobrunner.cli.style import style
from jobrunner.cli.wrapping import wrapped
from jobrunner.spec.origins import BUILT_IN, Origin, Source
from jobrunner.spec.secrets import in_words

_COLUMNS = (
    Column("FIELD"),
    Column("VALUE", shrinks=True),
    Column("FROM"),
    Column("WHERE"),
)


def origin_lines(origins: Sequence[Origin], columns: int | None) -> list[str]:
    """A row for each value that is written, and one sentence for those that are built in."""
    written = [one for one in origins if one.source.layer != BUILT_IN]
    built_in = [f"{one.field} {_shown(one.source)}" for one in origins if one not in written]
    head, *rows = table_lines(Table(_COLUMNS, [_row(one) for one in written]), columns)
    lines = [head]
    for origin, row in zip(written, rows, strict=True):
        lines.append(row)
        if origin.replaced:
            replaced = ", ".join(f"{_shown(one)} ({_place(one)})" for one in origin.replaced)
            lines += wrapped(f"  instead of {replaced}", columns)
    if built_in:
        words = f"{style('built in:', 'quiet')} {', '.join(built_in)}"
        lines += ["", *wrapped(words, columns)]
    return lines


def _row(origin: Origin) -> tuple[str, ...]:
    return (
        text(origin.field),
        _shown(origin.source),
        text(origin.source.layer),
        _place(origin.source, with_layer=False),
    )


def _shown(source: Source) -> str:
    value = in_words(source.value) or _in_yaml(source.value)
    return text(f"{value} = {source.written}" if source.written else value)


def _in_yaml(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _place(source: Source, *, with_layer: bool = True) -> str:
    where = source.location
    place = "" if where is None else f"{where.file}:{where.line}:{where.column}"
    return text(f"{source.layer}, {place}" if with_layer else place)
