"""Writes `docs/benchmarks.md` and its charts from stored runs: `python -m benchmarks.page FILE…`."""

import json
import sys
from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import REPOSITORY
from benchmarks.charts import Chart, draw
from benchmarks.figures import Figure, Report, by_what, format_value, report_from_json

DOCS = REPOSITORY / "docs"
CHARTS = (
    Chart(
        "burst.svg",
        "burst",
        "10,000 due at the same second of 100,000: messages",
        "10,000 schedules due at the same second, of 100,000",
        "messages a second, logarithmic; longer is better",
    ),
    Chart(
        "start-up.svg",
        "start-up",
        "start to first message, 100,000 schedules",
        "From start to first message, with 100,000 schedules",
        "seconds, logarithmic; shorter is better",
    ),
    Chart(
        "change-to-effect.svg",
        "change-to-effect",
        "change to effect, 10,000 schedules, p99",
        "From the commit of a change to its message, with 10,000 schedules, p99",
        "milliseconds, logarithmic; shorter is better",
    ),
    Chart(
        "firing-latency.svg",
        "firing-latency",
        "200 schedules of 1-5 s, spread: delay p50",
        "From the due time to the message, 200 schedules of 1 to 5 s, p50",
        "milliseconds, logarithmic; shorter is better",
    ),
)
_WORDS = {
    "command-line": "Whole processes, the median of several.",
    "apply": "Whole processes, on a database that has none of the jobs.",
    "large-project": "Whole processes. *limit* is what nobody gets around: the same jobs parsed, checked and "
    "written without the product, the best of a few rounds.",
    "hostile": "One file of a megabyte of each kind, sound or not, as a whole process.",
    "arithmetic": "A rule is read and its next time found; the best of rounds of 1,000 different ones.",
    "start-up": "One schedule is due already when the process starts; until its message is in Redis.",
    "change-to-effect": "A schedule is changed so that it is due; from the commit to its message.",
    "firing-latency": "200 schedules at intervals of 1 to 5 s; from each due time to its message.",
    "burst": "From the due second until the last message is in Redis.",
    "scale": "The same 1,000 schedules are due every two seconds, among more and more that rest.",
    "throughput": "So many runs wait in the queue when the worker starts; counted from when a tenth of "
    "them is gone until a tenth is left.",
    "start-latency": "One run every tenth of a second. Celery's callers send to Redis; jobrunner's write to "
    "PostgreSQL, and a beat sends.",
    "steady": "50 schedules that are due every second, one beat, one worker with two children.",
    "web": "The median of each page and list as the server measures it; 100 programs that ask every five "
    "seconds with ETag; and 1,000 requests a second while a beat sends.",
    "idle": "Nothing is due. Statements are those in PostgreSQL's log, BEGIN and COMMIT among them.",
}
_HOW = """\
Everybody has the same PostgreSQL and the same Valkey, private ones with the options of
`jobrunner up`, and a database of its own. One after the other is started as a real process, with its
schedules where it keeps them, and waited for until it rests. A process that belongs to none of them looks
at the length of its queue every half millisecond; nothing is taken out. Whoever was not done after 30 s
was stopped, and the value says so.

What the peers do differently:

- Celery's own beat, the two database schedulers and RedBeat count an interval from when they last sent,
  so each delay moves all that follow: their latency grows with the time that is measured, here 30 s. What
  one firing adds is the row "more than its interval after the last one".
- None of them has a record of runs: a message that is lost is lost.
- Celery's own beat reads its schedules when it starts, and APScheduler does not see what another process
  changes until it wakes for something else. They are not in the table of changes.
- RedBeat keeps its schedules in Redis alone. It looks for changes every five seconds here; its default
  is five minutes.
- APScheduler is no sender of messages: each of its jobs sends one by Celery. Its default drops what is a
  second late; here it may be an hour late.
- All of them were given intervals, the cheapest of their schedules. In a burst half of jobrunner's are
  cron expressions, in four time zones.

*limit* is a loop without the product over the same tables: one statement that claims, advances and
inserts, and one pipelined LPUSH.
"""


def write_page(report: Report) -> None:
    """The page, and beside it the charts for which the run has figures."""
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    for chart in CHARTS:
        figures = _figures_of(report, chart)
        if figures:
            (images / chart.file).write_text(draw(chart, figures, _caption(report)), "utf-8")
    (DOCS / "benchmarks.md").write_text(page_of(report), "utf-8")


def together(reports: Sequence[Report]) -> Report:
    """One of several runs on one machine; a benchmark's figures are those of the last that has it."""
    return replace(
        reports[-1],
        measured_at=", ".join(report.measured_at for report in reports),
        is_quick=any(report.is_quick for report in reports),
        versions=dict(ChainMap(*(dict(report.versions) for report in reports))),
        figures=dict(ChainMap(*(dict(report.figures) for report in reversed(reports)))),
    )


def page_of(report: Report) -> str:
    """The text of the page."""
    lines = [
        "# Benchmarks",
        "",
        "This page is written by `make bench BENCH_ARGS=--charts`, or from several runs by",
        "`python -m benchmarks.page`. What stands in one table was measured in one run.",
        "",
        f"Measured {report.measured_at} on {report.machine}"
        + (", by a quick run with fewer schedules and rounds." if report.is_quick else "."),
        f"Versions: {', '.join(f'{name} {version}' for name, version in report.versions.items())}.",
        "",
        _HOW,
    ]
    for name, figures in report.figures.items():
        lines += [f"## {name}", "", _WORDS[name], "", *_images(report, name), *_table(figures), ""]
    return "\n".join(lines).rstrip() + "\n"


def _figures_of(report: Report, chart: Chart) -> list[Figure]:
    figures = report.figures.get(chart.benchmark, ())
    return [figure for figure in figures if figure.what == chart.what and figure.value > 0]


def _caption(report: Report) -> str:
    ours = report.versions.get("jobrunner", "")
    return f"jobrunner {ours} · {report.measured_at} · {report.machine}"


def _images(report: Report, name: str) -> Iterator[str]:
    for chart in CHARTS:
        if chart.benchmark == name and _figures_of(report, chart):
            yield f"![{chart.title}](images/{chart.file})"
            yield ""


def _table(figures: Sequence[Figure]) -> Iterator[str]:
    yield "| what | who | value | bar |"
    yield "|---|---|---:|---|"
    for what, group in by_what(figures).items():
        for row, figure in enumerate(group):
            value = f"{format_value(figure.value)} {figure.unit}"
            words = "; ".join(word for word in (figure.verdict, figure.note) if word)
            yield f"| {what if row == 0 else ''} | {figure.who} | {value} | {words} |"


if __name__ == "__main__":
    stored = [Path(name).read_text("utf-8") for name in sys.argv[1:]]
    write_page(together([report_from_json(json.loads(text)) for text in stored]))
