"""For a FastAPI app: jobrunner's pages and API within it, who calls, and runs in a request's transaction.

`mount(app, "/jobs")` once; then `KnownCaller` and `HasTrigger` are types of arguments of the app's own
routes. docs/how-to/fastapi.md shows all of it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Header, Request
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from starlette.responses import Response

from jobrunner.access.caller import Caller
from jobrunner.db.engine import make_engine
from jobrunner.errors import JobrunnerError
from jobrunner.from_code import trigger_async
from jobrunner.sealing import make_keyring
from jobrunner.settings import load_settings
from jobrunner.triggers import TriggeredRun
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.forms import Form
from jobrunner.web.problems import problem_of
from jobrunner.web.security import identify

_CONNECTIONS = 8
"""Of a process of the host: as many as `jobrunner web` has."""


def mount(app: FastAPI, path: str = "/jobs") -> None:
    """The pages and the REST API of jobrunner within the host's app, at its `path`.

    What is in front of the app, `uvicorn --root-path` says: it is in every link. The settings are those of
    the environment. What a route of the host raises of `jobrunner.errors` is answered as the API answers
    it (RFC 9457). Nothing is connected before the first request. Raises UsageError for settings that
    cannot be used.
    """
    settings = load_settings({**os.environ, "JOBRUNNER_WEB_PREFIX": path}, Path.cwd())
    engine = make_engine(
        settings.database_url, application_name="jobrunner web", pool_size=_CONNECTIONS
    )
    app.state.jobrunner = make_app(Web(settings, engine, keyring=make_keyring(settings)))
    app.mount(path, app.state.jobrunner)
    app.add_exception_handler(JobrunnerError, _told)


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, JobrunnerError)  # noqa: S101  registered for them alone
    return problem_of(error)


def _caller(request: Request) -> Caller:
    mounted = getattr(request.app.state, "jobrunner", None)
    if mounted is None:
        raise RuntimeError(
            "A route asks for KnownCaller in an app that jobrunner is not mounted in. "
            "Call jobrunner.contrib.fastapi.mount(app, '/jobs') with the app that has the route."
        )
    # As a route of what is mounted sees the request: with its settings and its guesses.
    return identify(Request({**request.scope, "app": mounted}), Form())


KnownCaller = Annotated[Caller, Depends(_caller)]
"""The type of a route's argument: who calls, by a token, a JWT of the host or a session of the pages.
It needs `mount`. Nobody known is answered with 401; what the caller may do is for the route to ask."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Starts runs for the request at hand."""

    idempotency_key: str | None

    async def __call__(
        self,
        address: str,
        kwargs: Mapping[str, Any] | None = None,
        *,
        session: AsyncSession | AsyncConnection,
        created_by: str,
        force: bool = False,
    ) -> TriggeredRun:
        """`jobrunner.trigger_async` in the transaction of `session`, which the host commits.

        `created_by` is whose run it is. A request with an `Idempotency-Key` that he has sent before is
        the same run: `is_new` is false then, and what else the request makes is there already. Raises
        what `trigger_async` does, Conflict for the same key with other arguments among it.
        """
        key = self.idempotency_key
        return await trigger_async(
            address,
            kwargs,
            # A key is its sender's: another one's equal key is another request. Either may have a colon.
            request_id=None if key is None else f"{quote(created_by, safe='')}:{key}",
            session=session,
            force=force,
            created_by=created_by,
        )


async def _trigger(
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern="^[!-~]{1,200}$",
            description="The same key again is the same request, and is done once.",
        ),
    ] = None,
) -> Trigger:
    return Trigger(idempotency_key)


HasTrigger = Annotated[Trigger, Depends(_trigger)]
"""The type of a route's argument that takes it."""
