"""Who has the newest answer is told so before his request is read: a poller asks the same again and again.

What a route asks the database to tell two of its answers apart (`etags.answer_asked`) is asked once more,
for all who wait for it, after who their caller is. It is begun after each of them has asked, so nobody
is told what was true before; instead, where many ask, they wait for each other.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.access.caller import Caller
from jobrunner.errors import JobrunnerError
from jobrunner.web.etags import has_newest, headers_of
from jobrunner.web.forms import Form
from jobrunner.web.security import address_of, identify

TOGETHER_SECONDS = 0.25
"""A question is asked again no sooner; who comes first does not wait."""
_QUESTIONS_MAX = 1_000
_CREDENTIALS = frozenset({b"authorization", b"cookie"})
_Key = tuple[str, bytes, str, tuple[bytes, ...]]


@dataclass(slots=True)
class _Question:
    """What a route has asked for a caller. Used from the event loop alone."""

    caller: Caller
    ask_version: Callable[[], str]
    asked_at: float
    """Of the monotonic clock."""
    next: asyncio.Task[str | None] | None = None
    """Not begun yet: who comes now may wait for it."""


class Unchanged:
    """ASGI middleware. The newest questions are remembered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._questions: OrderedDict[_Key, _Question] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not answered with 304."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        state, asked_at, request = scope.setdefault("state", {}), time.monotonic(), Request(scope)
        key = _key_of(request)
        headers = await self._newest(key, request)
        if headers is not None:
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if "ask_version" in state:
            self._remember(key, _Question(state["caller"], state["ask_version"], asked_at))

    async def _newest(self, key: _Key, request: Request) -> Mapping[str, str] | None:
        """The headers of a 304; None: the route is to answer."""
        question = self._questions.get(key)
        if question is None or "if-none-match" not in request.headers:
            return None
        if question.next is None:
            question.next = asyncio.create_task(_ask_when_due(question, request))
        # Who goes away takes the answer from nobody.
        version = await asyncio.shield(question.next)
        if version is None:
            self._questions.pop(key, None)
            return None
        return headers_of(version) if has_newest(request, version) else None

    def _remember(self, key: _Key, question: _Question) -> None:
        self._questions[key] = question
        self._questions.move_to_end(key)
        if len(self._questions) > _QUESTIONS_MAX:
            self._questions.popitem(last=False)


def _key_of(request: Request) -> _Key:
    """All that a route, or what stands before it, could tell two questions apart by."""
    credentials = tuple(value for name, value in request.headers.raw if name in _CREDENTIALS)
    return request.scope["path"], request.scope["query_string"], address_of(request), credentials


async def _ask_when_due(question: _Question, request: Request) -> str | None:
    await asyncio.sleep(max(0.0, question.asked_at + TOGETHER_SECONDS - time.monotonic()))
    question.asked_at, question.next = time.monotonic(), None
    return await run_sync(_ask, question, request)


def _ask(question: _Question, request: Request) -> str | None:
    """None: he is another one by now, or not let in; or something else is wrong, which the route tells."""
    try:
        if identify(request, Form()) != question.caller:
            return None
        return question.ask_version()
    except (JobrunnerError, HTTPException):
        return None
