"""The text is the one that prometheus_client makes."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

from jobrunner.db.totals import Times
from jobrunner.metrics.names import CUT, OF_CELERY, OWN, Metric
from jobrunner.metrics.series import Part, histogram, text_of, values

_BOUNDS = [
    "0.1",
    "0.25",
    "0.5",
    "1.0",
    "2.5",
    "5.0",
    "15.0",
    "60.0",
    "300.0",
    "1800.0",
    "7200.0",
    "+Inf",
]
_FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
_HISTOGRAMS = [each for each in (*OWN, *OF_CELERY) if each.kind == "histogram"]
_OTHERS = [each for each in (*OWN, *OF_CELERY) if each.kind != "histogram" and each is not CUT]
_LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NUMBERS = st.floats(allow_nan=False) | st.integers(0, 2**53)


class Collected:
    """What prometheus_client asks for."""

    def __init__(self, found: list[Family]) -> None:
        self.found = found

    def collect(self) -> Iterator[Family]:
        yield from self.found
        yield GaugeMetricFamily(CUT.name, CUT.help, value=0)


def _key(metric: Metric, label: str) -> tuple[str, ...]:
    return tuple(f"{label}{name}" for name in metric.labels)


def _parts(label: str, number: float, times: Times) -> Iterator[Part]:
    for metric in _OTHERS:
        yield values(metric, {_key(metric, label): number})
    for metric in _HISTOGRAMS:
        yield histogram(metric, {_key(metric, label): times})


def _families(label: str, number: float, times: Times) -> Iterator[Family]:
    for metric in _OTHERS:
        family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
        family.add_metric(_key(metric, label), number)
        yield family
    for metric in _HISTOGRAMS:
        found = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        buckets = list(zip(_BOUNDS, times.buckets, strict=True))
        found.add_metric(_key(metric, label), buckets, times.total_seconds)
        yield found


@given(label=_LABELS, number=_NUMBERS)
def test_the_text_is_that_of_prometheus_client_for_any_label_and_number(
    label: str, number: float
) -> None:
    times = Times(number, tuple(range(999_995, 1_000_007)))
    made = text_of(_parts(label, number, times), series_max=10_000)
    assert made == generate_latest(Collected(list(_families(label, number, times))))
