"""Rows to a file: JSON, CSV or PDF. It is there as a whole or not at all."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

Row = Sequence[str]
HEADER = ("happened_at", "kind", "amount")


def write_export(path: Path, form: str, *, title: str, rows: Iterable[Row]) -> int:
    """How many bytes it has. Written beside its place first: a run that is repeated replaces it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    _WRITERS[form](unfinished, title, rows)
    unfinished.replace(path)
    return path.stat().st_size


def _write_json(path: Path, title: str, rows: Iterable[Row]) -> None:
    activities = [dict(zip(HEADER, row, strict=True)) for row in rows]
    path.write_text(json.dumps({"title": title, "activities": activities}, indent=1), "utf-8")


def _write_csv(path: Path, _: str, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows((at, _no_formula(kind), amount) for at, kind, amount in rows)


def _no_formula(text: str) -> str:
    """Spreadsheets compute a cell that begins like one, whoever has written it; behind ' it is text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _write_pdf(path: Path, title: str, rows: Iterable[Row]) -> None:
    table = Table([list(row) for row in (HEADER, *rows)], repeatRows=1)
    heading = Paragraph(escape(title), getSampleStyleSheet()["Title"])
    SimpleDocTemplate(str(path), pagesize=A4, title=title).build([heading, table])


_WRITERS: Mapping[str, Callable[[Path, str, Iterable[Row]], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "pdf": _write_pdf,
}
