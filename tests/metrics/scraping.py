"""A scrape, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from jobrunner.db.totals import Namespaces
from jobrunner.metrics.collector import scrape

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """The series of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.series: Series = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Of the series with exactly these labels; None: there is none."""
        return self.series.get((name, frozenset(labels.items())))

    def labels(self, name: str) -> set[frozenset[str]]:
        """The names of the labels that the series of this name have."""
        return {
            frozenset(label for label, _ in labels)
            for found, labels in self.series
            if found == name
        }


def scraped(
    engine: Engine,
    *,
    namespaces: Namespaces = None,
    celery_names: bool = False,
    series_max: int = 10_000,
) -> Scraped:
    """What `/metrics` says now."""
    text = scrape(engine, namespaces=namespaces, celery_names=celery_names, series_max=series_max)
    return Scraped(text.decode())
