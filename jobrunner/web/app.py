"""The app: the API, the pages, and what stands around both."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from jobrunner.settings import Settings
from jobrunner.web import problems
from jobrunner.web.api.metrics import make_metrics_router
from jobrunner.web.api.routers import API_ROUTERS
from jobrunner.web.context import Web
from jobrunner.web.gate.addresses import Addresses
from jobrunner.web.gate.forwarded import Forwarded, networks_of
from jobrunner.web.gate.heads import Heads
from jobrunner.web.gate.hosts import Hosts
from jobrunner.web.gate.prefix import Prefix
from jobrunner.web.gate.rates import Rates
from jobrunner.web.gate.response_headers import ResponseHeaders
from jobrunner.web.gate.sizes import Sizes
from jobrunner.web.gate.targets import Targets
from jobrunner.web.gate.traces import Traces
from jobrunner.web.host_tokens import HostTokens
from jobrunner.web.pages.routers import PAGE_ROUTERS
from jobrunner.web.run_watch import RunWatch
from jobrunner.web.security import check_declared
from jobrunner.web.unchanged import Unchanged

API = "/api/v1"


def make_app(web: Web) -> FastAPI:
    """An ASGI app below `settings.web_prefix`.

    Raises UsageError for settings of access that cannot be used, and RuntimeError for a route that does
    not say whom it is for.
    """
    app = FastAPI(
        title="jobrunner",
        # Their pages load scripts from elsewhere; the file itself is a route of ours.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=gate_of(web.settings, Middleware(Prefix, own=web.settings.web_prefix)),
    )
    app.state.web = web
    app.state.run_watch = RunWatch(web.engine)
    app.state.host_tokens = HostTokens(web.settings)
    problems.add_handlers(app)
    for router in API_ROUTERS:
        app.include_router(router, prefix=API)
    for router in PAGE_ROUTERS:
        app.include_router(router)
    app.include_router(make_metrics_router(web.settings))
    check_declared(app)
    return app


def gate_of(settings: Settings, *within: Middleware) -> list[Middleware]:
    """What a request passes, from the outside in; `within` once it is known to be for us."""
    return [
        Middleware(ResponseHeaders),
        Middleware(Forwarded, proxies=networks_of(settings.web_proxies)),
        Middleware(Targets),
        Middleware(Rates, per_second=settings.web_requests_per_second),
        Middleware(Hosts, names=settings.web_hosts),
        Middleware(Sizes),
        Middleware(Addresses),
        Middleware(Heads),
        *within,
        Middleware(Traces),
        Middleware(Unchanged),
    ]
