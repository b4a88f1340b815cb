"""No NUL in the address of a request: no text that is stored, or looked for, can hold one."""

from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.web.problems import Problem, problem


class Addresses:
    """ASGI middleware. So no route has to ask for it of each of its parameters."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what can be looked for."""
        refusal = _refusal_of(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)


def _refusal_of(scope: Scope) -> Problem | None:
    if "\0" in scope["path"]:
        return problem(404, "There is nothing at this address.", hint="Leave out the %00.")
    if b"%00" in scope["query_string"]:
        return problem(422, "The request cannot be read.", hint="Leave out the %00.")
    return None
