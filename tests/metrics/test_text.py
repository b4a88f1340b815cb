"""The text is the one that prometheus_client makes."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from jobrunner.db.totals import Times
from jobrunner.metrics.names import OF_CELERY, OWN
from jobrunner.metrics.series import families, histogram, values
from jobrunner.metrics.text import text_of


class Collected:
    """What prometheus_client asks for."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> list[Metric]:
        return self.found


_LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NUMBERS = st.floats(allow_nan=False)


@given(label=_LABELS, number=_NUMBERS)
def test_the_text_is_that_of_prometheus_client_for_any_label_and_number(
    label: str, number: float
) -> None:
    times = Times(number, tuple(range(12)))
    parts = [
        histogram(metric, {(label,) * len(metric.labels): times})
        if metric.kind == "histogram"
        else values(metric, {(label,) * len(metric.labels): number})
        for metric in (*OWN, *OF_CELERY)
    ]
    found = families(parts, series_max=10_000)
    assert text_of(found) == generate_latest(Collected(found))
