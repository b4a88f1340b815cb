"""Series, and how many of them there may be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from jobrunner.db.totals import BOUNDS_SECONDS, Times
from jobrunner.metrics.names import CUT, Metric


@dataclass(frozen=True, slots=True)
class Part:
    """Series of one metric that matter as much as each other."""

    metric: Metric
    series: Sequence[Sequence[Sample]]
    """What goes or stays together: one value, or a histogram."""


def values(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Part:
    """A counter or gauge by the values of its labels."""
    return Part(metric, [[_sample(metric, key, value)] for key, value in found.items()])


def value(metric: Metric, found: float) -> Part:
    """One that has no labels."""
    return values(metric, {(): found})


def histogram(metric: Metric, found: Mapping[tuple[str, ...], Times]) -> Part:
    """A histogram by the values of its labels."""
    return Part(metric, [list(_buckets(metric, key, times)) for key, times in found.items()])


def _buckets(metric: Metric, key: tuple[str, ...], times: Times) -> Iterator[Sample]:
    labels = dict(zip(metric.labels, key, strict=True))
    bounds = [*map(floatToGoString, BOUNDS_SECONDS), "+Inf"]
    for bound, number in zip(bounds, times.buckets, strict=True):
        yield Sample(f"{metric.name}_bucket", {**labels, "le": bound}, float(number))
    yield Sample(f"{metric.name}_count", labels, float(times.buckets[-1]))
    yield Sample(f"{metric.name}_sum", labels, times.total_seconds)


def _sample(metric: Metric, key: tuple[str, ...], value: float) -> Sample:
    return Sample(metric.name, dict(zip(metric.labels, key, strict=True)), float(value))


def families(parts: Iterable[Part], *, series_max: int) -> list[Family]:
    """The first parts whole and of the others nothing, where there are more than `series_max` series.

    Parts of one metric become one family; how many series were left out is one more.
    """
    room, cut = series_max - 1, 0
    found: dict[str, Family] = {}
    for part in parts:
        family = found.setdefault(part.metric.name, _family(part.metric))
        for samples in part.series:
            if len(samples) <= room:
                room -= len(samples)
                family.samples.extend(samples)
            else:
                cut += len(samples)
    told = _family(CUT)
    told.samples.append(_sample(CUT, (), cut))
    return [*found.values(), told]


def _family(metric: Metric) -> Family:
    # A counter's family goes without the ending that its series have.
    return Family(metric.name.removesuffix("_total"), metric.help, metric.kind)
