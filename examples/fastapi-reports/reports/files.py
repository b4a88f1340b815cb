"""Reports as files. Each is whole when it has its name, so that a run may be tried again."""

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from reports.sales import SalesReport


def write_report(report: SalesReport, file: Path) -> None:
    """As its suffix says: `.csv` or `.pdf`. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.part")
    _WRITERS[file.suffix](report, unfinished)
    unfinished.replace(file)


def _write_csv(report: SalesReport, file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["product", "sold", "euros"])
        writer.writerows(
            [_no_formula(line.product), line.count, line.euros] for line in report.lines
        )
        writer.writerow(["total", "", report.total])


def _no_formula(text: str) -> str:
    """Spreadsheets compute a cell that begins like one, whoever has written it; behind ' it is text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _write_pdf(report: SalesReport, file: Path) -> None:
    font = _font()
    heading = ParagraphStyle(
        "heading", fontName=font.fontName, fontSize=18, leading=22, spaceAfter=6
    )
    text = ParagraphStyle("text", fontName=font.fontName)
    lines = [
        [Paragraph(_shown(line.product, font), text), str(line.count), f"{line.euros:,.2f}"]
        for line in report.lines
    ]
    table = Table(
        [["Product", "Sold", "Euros"], *lines, ["Total", "", f"{report.total:,.2f}"]],
        colWidths=(90 * mm, 30 * mm, 40 * mm),
        repeatRows=1,
        splitInRow=1,  # a name may be longer than a page
        style=TableStyle(
            [
                ("FONTNAME", (0, 0), (-1, -1), font.fontName),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
                ("LINEBELOW", (0, 0), (-1, 0), 1, colors.black),
                ("LINEABOVE", (0, -1), (-1, -1), 1, colors.black),
            ]
        ),
    )
    title = f"Sales of {report.organization}"
    SimpleDocTemplate(str(file), pagesize=A4, title=title).build(
        [
            Paragraph(_shown(title, font), heading),
            Paragraph(f"{report.first_day} to {report.last_day}", text),
            table,
        ]
    )


@cache
def _font() -> TTFont:
    try:
        font = TTFont("report", "DejaVuSans.ttf")
    except TTFError:  # reportlab brings this one along; of Europe's letters it lacks some
        font = TTFont("report", "Vera.ttf")
    registerFont(font)
    return font


def _shown(text: str, font: TTFont) -> str:
    """As markup. What the font has no sign for is told by its number: it would be an empty box."""
    known = font.face.charToGlyph
    return escape("".join(sign if ord(sign) in known else f"[U+{ord(sign):04X}]" for sign in text))


_WRITERS: dict[str, Callable[[SalesReport, Path], None]] = {".csv": _write_csv, ".pdf": _write_pdf}
