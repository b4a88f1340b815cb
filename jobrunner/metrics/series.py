"""Series, and how many of them there may be."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jobrunner.db.totals import BOUNDS_SECONDS, Times
from jobrunner.metrics.names import CUT, Metric
from jobrunner.metrics.text import labels_of, line, number_text, top

_Found = Iterable[tuple[tuple[str, ...], Any]]
_BOUNDS = [*map(number_text, BOUNDS_SECONDS), "+Inf"]


@dataclass(frozen=True, slots=True)
class Part:
    """What there is of one metric that matters as much as each other, by the values of its labels."""

    metric: Metric
    found: Mapping[tuple[str, ...], Any]
    series_each: int
    """A histogram goes or stays as a whole."""
    lines: Callable[[Metric, _Found], Iterator[str]]


def values(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Part:
    """A counter or gauge."""
    return Part(metric, found, 1, _values)


def value(metric: Metric, found: float) -> Part:
    """One that has no labels."""
    return values(metric, {(): found})


def histogram(metric: Metric, found: Mapping[tuple[str, ...], Times]) -> Part:
    """A histogram."""
    return Part(metric, found, len(_BOUNDS) + 2, _buckets)


def _values(metric: Metric, found: _Found) -> Iterator[str]:
    labels = labels_of(metric.labels)
    for key, number in found:
        yield line(metric.name, labels(key), number)


def _buckets(metric: Metric, found: _Found) -> Iterator[str]:
    labels, with_bound = labels_of(metric.labels), labels_of((*metric.labels, "le"))
    for key, times in found:
        for bound, number in zip(_BOUNDS, times.buckets, strict=True):
            yield line(f"{metric.name}_bucket", with_bound((*key, bound)), number)
        yield line(f"{metric.name}_count", labels(key), times.buckets[-1])
        yield line(f"{metric.name}_sum", labels(key), times.total_seconds)


def text_of(parts: Iterable[Part], *, series_max: int) -> bytes:
    """The first parts whole and of the others nothing, where there are more than `series_max` series.

    Parts of one metric stand together; how many series were left out is one more.
    """
    room, cut = series_max - 1, 0
    found: dict[str, list[str]] = {}
    for part in parts:
        lines = found.setdefault(part.metric.name, [top(part.metric)])
        kept = min(len(part.found), room // part.series_each)
        lines.extend(part.lines(part.metric, islice(part.found.items(), kept)))
        room -= kept * part.series_each
        cut += (len(part.found) - kept) * part.series_each
    found[CUT.name] = [top(CUT), line(CUT.name, "", cut)]
    return "".join(each for lines in found.values() for each in lines).encode()
