"""Every metric is in its reference."""

from pathlib import Path

from jobrunner.metrics.names import OF_CELERY, OWN
from jobrunner.metrics.reference import metrics_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == metrics_reference()


def test_every_metric_that_is_defined_is_in_the_reference() -> None:
    names = [metric.name for metric in (*OWN, *OF_CELERY)]
    assert [name for name in names if f"`{name}`" not in metrics_reference()] == []
