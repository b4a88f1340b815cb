"""What was measured: values with their units and bars, as a table and as JSON."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

JOBRUNNER = "jobrunner"


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    what: str
    """The same text for everyone who was measured side by side."""
    value: float
    unit: str
    who: str = JOBRUNNER
    at_most: float | None = None
    """A bar that the design sets, as is `at_least`; None where the value only informs."""
    at_least: float | None = None
    note: str = ""
    """What a reader has to know of this very value, for example that it was cut short."""

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def verdict(self) -> str:
        """The bar, and whether it is met, in words; '' without one."""
        if self.is_met is None:
            return ""
        bar = f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"
        return f"✓ met ({bar})" if self.is_met else f"✗ missed ({bar})"


@dataclass(frozen=True)
class Report:
    """All that one run of the command has to say."""

    measured_at: str
    is_quick: bool
    machine: str
    versions: Mapping[str, str]
    figures: Mapping[str, Sequence[Figure]]
    """By the name of the benchmark, in the order of the run."""


def make_report(
    figures: Mapping[str, Sequence[Figure]], versions: Mapping[str, str], *, is_quick: bool
) -> Report:
    """The figures, with when and on what they were measured."""
    return Report(
        measured_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        is_quick=is_quick,
        machine=f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        versions=versions,
        figures=figures,
    )


def report_as_json(report: Report) -> dict[str, Any]:
    """As `--json` writes it."""
    return asdict(report)


def report_from_json(stored: Mapping[str, Any]) -> Report:
    """What `report_as_json` returned."""
    figures = {
        name: [Figure(**figure) for figure in given] for name, given in stored["figures"].items()
    }
    return Report(**{**stored, "figures": figures})


def median_of(values: Iterable[float]) -> float:
    """The middle one; of an even number the mean of the two."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Iterable[float], percent: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def print_report(report: Report) -> None:
    """A table for each benchmark; what a value should be stands beside it."""
    for name, figures in report.figures.items():
        print(f"\n{name}")
        print_figures(figures)
    judged = [f.is_met for figures in report.figures.values() for f in figures]
    print(f"\n{judged.count(True)} bars met, {judged.count(False)} missed.")
    print(f"{report.measured_at} · {report.machine}")
    print(" · ".join(f"{what} {version}" for what, version in report.versions.items()))
    if report.is_quick:
        print("A quick run: fewer schedules and rounds than the figures of the documents.")


def print_figures(figures: Sequence[Figure]) -> None:
    """What was measured, and beneath it one line for each who was."""
    width = max((len(figure.who) for figure in figures), default=0)
    for what, group in by_what(figures).items():
        print(f"  {what}")
        for figure in group:
            words = (figure.verdict, figure.note)
            line = f"    {figure.who:<{width}}  {format_value(figure.value):>10} {figure.unit:<13}"
            print(f"{line} {'  '.join(word for word in words if word)}".rstrip())
    sys.stdout.flush()


def by_what(figures: Iterable[Figure]) -> Mapping[str, Sequence[Figure]]:
    """Side by side what was measured side by side, in the order of its first."""
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        groups.setdefault(figure.what, []).append(figure)
    return groups


def format_value(value: float) -> str:
    """Three digits that count; thousands are parted."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
