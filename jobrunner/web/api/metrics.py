"""What Prometheus scrapes, below the prefix and beside the API."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from jobrunner.db.totals import Namespaces
from jobrunner.errors import AccessDenied
from jobrunner.metrics.collector import scrape
from jobrunner.settings import Settings
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.security import PUBLIC, Reader


def make_metrics_router(settings: Settings, path: str = "/metrics") -> APIRouter:
    """For whoever may read; with `metrics_open` for everybody, which an operator says of his network."""
    router = APIRouter(include_in_schema=False)
    if settings.metrics_open:
        router.get(path, dependencies=[PUBLIC])(_open_metrics)
    else:
        router.get(path)(_metrics)
    return router


def _metrics(web: HasWeb, caller: Reader) -> Response:
    if caller.own_runs_only:
        raise AccessDenied(
            f"'{caller.subject}' sees only his own runs, and metrics are of everybody's.",
            is_known=True,
            hint="Ask an administrator for a token without --own-runs-only.",
        )
    return _scraped(web, caller.namespaces)


def _open_metrics(web: HasWeb) -> Response:
    return _scraped(web, None)


def _scraped(web: Web, namespaces: Namespaces) -> Response:
    body = scrape(
        web.engine,
        namespaces=namespaces,
        celery_names=web.settings.metrics_celery_names,
        series_max=web.settings.metrics_series_max,
    )
    return Response(body, media_type=CONTENT_TYPE_LATEST)
