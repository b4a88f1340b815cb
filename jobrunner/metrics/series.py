"""Series, and how many of them there may be."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from jobrunner.db.totals import BOUNDS_SECONDS, Times
from jobrunner.metrics.names import CUT, Metric

_BOUNDS = [*map(floatToGoString, BOUNDS_SECONDS), "+Inf"]


@dataclass(frozen=True, slots=True)
class Part:
    """What there is of one metric that matters as much as each other, by the values of its labels."""

    metric: Metric
    found: Mapping[tuple[str, ...], Any]
    series_each: int
    """A histogram goes or stays as a whole."""
    samples: Callable[[Metric, dict[str, str], Any], Iterator[Sample]]


def values(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Part:
    """A counter or gauge."""
    return Part(metric, found, 1, _value)


def value(metric: Metric, found: float) -> Part:
    """One that has no labels."""
    return values(metric, {(): found})


def histogram(metric: Metric, found: Mapping[tuple[str, ...], Times]) -> Part:
    """A histogram."""
    return Part(metric, found, len(_BOUNDS) + 2, _buckets)


def _value(metric: Metric, labels: dict[str, str], found: float) -> Iterator[Sample]:
    yield Sample(metric.name, labels, float(found))


def _buckets(metric: Metric, labels: dict[str, str], times: Times) -> Iterator[Sample]:
    for bound, number in zip(_BOUNDS, times.buckets, strict=True):
        yield Sample(f"{metric.name}_bucket", {**labels, "le": bound}, float(number))
    yield Sample(f"{metric.name}_count", labels, float(times.buckets[-1]))
    yield Sample(f"{metric.name}_sum", labels, times.total_seconds)


def families(parts: Iterable[Part], *, series_max: int) -> list[Family]:
    """The first parts whole and of the others nothing, where there are more than `series_max` series.

    Parts of one metric become one family; how many series were left out is one more.
    """
    room, cut = series_max - 1, 0
    found: dict[str, Family] = {}
    for part in parts:
        family = found.setdefault(part.metric.name, _family(part.metric))
        kept = min(len(part.found), room // part.series_each)
        for key, one in islice(part.found.items(), kept):
            labels = dict(zip(part.metric.labels, key, strict=True))
            family.samples.extend(part.samples(part.metric, labels, one))
        room -= kept * part.series_each
        cut += (len(part.found) - kept) * part.series_each
    told = _family(CUT)
    told.samples.extend(_value(CUT, {}, cut))
    return [*found.values(), told]


def _family(metric: Metric) -> Family:
    # A counter's family goes without the ending that its series have.
    return Family(metric.name.removesuffix("_total"), metric.help, metric.kind)
