"""Rows to a file: JSON, CSV or PDF. It is there as a whole or not at all."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
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
    font = _font()
    heading = ParagraphStyle(
        "heading", fontName=font.fontName, fontSize=18, leading=22, spaceAfter=6
    )
    text = ParagraphStyle("text", fontName=font.fontName)
    lines = [(at, Paragraph(_shown(kind, font), text), amount) for at, kind, amount in rows]
    table = Table(
        [HEADER, *lines],
        colWidths=(75 * mm, 60 * mm, 30 * mm),
        repeatRows=1,
        style=[("FONTNAME", (0, 0), (-1, -1), font.fontName)],
    )
    SimpleDocTemplate(str(path), pagesize=A4, title=title).build(
        [Paragraph(_shown(title, font), heading), table]
    )


@cache
def _font() -> TTFont:
    try:
        font = TTFont("export", "DejaVuSans.ttf")
    except TTFError:  # reportlab brings this one along; of Europe's letters it lacks some
        font = TTFont("export", "Vera.ttf")
    registerFont(font)
    return font


def _shown(text: str, font: TTFont) -> str:
    """As markup. What the font has no sign for is told by its number: it would be an empty box."""
    known = font.face.charToGlyph
    return escape("".join(sign if ord(sign) in known else f"[U+{ord(sign):04X}]" for sign in text))


_WRITERS: Mapping[str, Callable[[Path, str, Iterable[Row]], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "pdf": _write_pdf,
}
