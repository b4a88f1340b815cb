"""The app that a host mounts."""

import os
from pathlib import Path

from fastapi import FastAPI

from jobrunner.contrib.dashboard import state, tasks
from jobrunner.db.engine import make_engine
from jobrunner.sealing import make_keyring
from jobrunner.settings import Settings, load_settings
from jobrunner.web import problems
from jobrunner.web.api.metrics import make_metrics_router
from jobrunner.web.app import gate_of
from jobrunner.web.context import Web
from jobrunner.web.host_tokens import HostTokens
from jobrunner.web.security import check_declared

_POOL_SIZE = 5


def make_dashboard(settings: Settings | None = None) -> FastAPI:
    """An ASGI app below whatever path the host mounts it at (`root_path`).

    Without `settings` they are those of the environment. Nothing is connected before the first request.
    Raises UsageError for settings that cannot be used.
    """
    settings = settings or load_settings(os.environ, Path.cwd())
    settings = settings.model_copy(update={"metrics_celery_names": True})
    engine = make_engine(
        settings.database_url,
        application_name="jobrunner dashboard",
        pool_size=_POOL_SIZE,
        look_before_use=True,  # it lives as long as the host, and between two requests may lie a day
    )
    app = FastAPI(
        title="jobrunner",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=gate_of(settings),  # without a prefix, which is the host's
    )
    app.state.web = Web(settings, engine, keyring=make_keyring(settings))
    app.state.host_tokens = HostTokens(settings)
    problems.add_handlers(app, has_pages=False)
    app.include_router(state.router)
    app.include_router(tasks.router)
    app.include_router(make_metrics_router(settings, "/metrics/prometheus/"))
    check_declared(app)
    return app
