"""Every query of the dashboard and of the alert rules names metrics and labels that a scrape has."""

import json

import pytest
import yaml
from sqlalchemy import Engine

from jobrunner.metrics.names import OF_CELERY, OWN
from tests.metrics.promql import named_in
from tests.metrics.queries import DASHBOARD, PROMETHEUS, QUERIES
from tests.metrics.scraping import Scraped, scraped
from tests.metrics.world import fill


@pytest.fixture
def whole(engine: Engine) -> Scraped:
    """A scrape of which every metric is a part."""
    fill(engine)
    return scraped(engine, celery_names=True)


def test_a_scrape_has_every_metric_with_exactly_its_labels(whole: Scraped) -> None:
    bucket = {"histogram": ("_bucket", ("le",))}
    expected = {
        metric.name + ending: {frozenset({*metric.labels, *more})}
        for metric in (*OWN, *OF_CELERY)
        for ending, more in [bucket.get(metric.kind, ("", ()))]
    }
    assert {name: whole.labels(name) for name in expected} == expected


def test_every_query_names_metrics_and_labels_that_a_scrape_has(whole: Scraped) -> None:
    problems = [
        (title, name, labels)
        for title, query in QUERIES.items()
        for name, labels in named_in(query).metrics.items()
        if not any(labels <= found for found in whole.labels(name))
    ]
    assert problems == []


def test_every_query_groups_by_labels_that_its_metrics_have(whole: Scraped) -> None:
    problems = [
        (title, name)
        for title, query in QUERIES.items()
        for named in [named_in(query)]
        for name in named.metrics
        if not any(named.grouped_by <= found for found in whole.labels(name))
    ]
    assert problems == []


@pytest.mark.parametrize("title", QUERIES)
def test_every_query_names_a_metric(title: str) -> None:
    assert named_in(QUERIES[title]).metrics


def test_the_names_in_a_query_are_found() -> None:
    named = named_in('sum by (a, b) (rate(jobrunner_x_total{c="d", e!~"f"}[5m])) / celery_y')
    assert named.metrics == {"jobrunner_x_total": {"c", "e"}, "celery_y": set()}
    assert named.grouped_by == {"a", "b"}


def test_our_label_job_is_kept_by_the_scraper() -> None:
    [scrape_config] = yaml.safe_load(PROMETHEUS.read_text("utf-8"))["scrape_configs"]
    assert scrape_config["honor_labels"] is True


def test_every_panel_has_a_place_of_its_own() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    places = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
