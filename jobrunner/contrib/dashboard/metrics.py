"""`metrics/prometheus/`: jobrunner's own figures, and the same by the names of Celery's dashboards."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from jobrunner.db.totals import Namespaces
from jobrunner.metrics.collector import scrape
from jobrunner.settings import Settings
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.security import PUBLIC, Reader

_PATH = "/metrics/prometheus/"


def make_metrics_router(settings: Settings) -> APIRouter:
    """For whoever may read; with `metrics_open` for everybody."""
    router = APIRouter()
    if settings.metrics_open:
        router.get(_PATH, dependencies=[PUBLIC])(_open_metrics)
    else:
        router.get(_PATH)(_metrics)
    return router


def _metrics(web: HasWeb, caller: Reader) -> Response:
    return _scraped(web, caller.namespaces)


def _open_metrics(web: HasWeb) -> Response:
    return _scraped(web, None)


def _scraped(web: Web, namespaces: Namespaces) -> Response:
    body = scrape(
        web.engine,
        namespaces=namespaces,
        celery_names=True,
        series_max=web.settings.metrics_series_max,
    )
    return Response(body, media_type=CONTENT_TYPE_LATEST)
