"""Who calls, and whether the route lets him: each route says what it asks for, or the app is not made.

Credentials are an `Authorization: Bearer` header (a token, or a JWT of the host) or, for pages, the
cookie of a session. A cookie is never good for a request that a browser can be made to send from
elsewhere: see `web.sessions`.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts

from jobrunner.access.caller import Caller, Permission, Role
from jobrunner.access.tokens import parse_token
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import caller_of
from jobrunner.errors import AccessDenied
from jobrunner.web.context import Web

_LOCAL = Caller(subject="local", role=Role.ADMIN, via="open")


class Needs:
    """What a route asks for. As a dependency it answers who calls."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> Caller:
        """The caller. Raises AccessDenied."""
        caller = identify(request)
        if not caller.has(self.permission):
            raise AccessDenied(
                f"'{caller.subject}' is {caller.role}, and this needs more.",
                is_known=True,
                hint="Ask an administrator for a token with the role it needs.",
            )
        return caller


class NeedsNothing(Needs):
    """For the few routes that everybody may call; they get no caller."""

    def __init__(self) -> None:
        super().__init__(Permission.NONE)

    def __call__(self, request: Request) -> None:  # type: ignore[override]  # nobody is asked for
        """Nobody."""


KnownCaller = Annotated[Caller, Depends(Needs(Permission.KNOWN))]
Reader = Annotated[Caller, Depends(Needs(Permission.READ))]
Operator = Annotated[Caller, Depends(Needs(Permission.OPERATE))]
Administrator = Annotated[Caller, Depends(Needs(Permission.ADMINISTER))]
PUBLIC = Depends(NeedsNothing())
"""For `dependencies=[PUBLIC]` of a route."""


def identify(request: Request) -> Caller:
    """Who calls, by the first kind of credentials that the request has. Raises AccessDenied."""
    web: Web = request.app.state.web
    header = request.headers.get("authorization")
    if header is not None:
        return _by_header(web, header)
    if web.is_open:
        return _LOCAL
    raise AccessDenied(
        "This needs credentials.",
        is_known=False,
        hint="Send the header 'Authorization: Bearer jr_…'; `jobrunner token create` makes one.",
    )


def _by_header(web: Web, header: str) -> Caller:
    scheme, _, given = header.partition(" ")
    token = parse_token(given.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise _refused("unknown")
    with transaction(web.engine) as connection:
        found = caller_of(connection, token)
    if isinstance(found, Caller):
        return found
    raise _refused(found)


def _refused(why: str) -> AccessDenied:
    told = {
        "unknown": "These credentials are not known.",
        "expired": "This token has expired.",
        "revoked": "This token was revoked.",
    }
    return AccessDenied(told[why], is_known=False, hint="`jobrunner token create` makes a new one.")


def check_declared(app: FastAPI) -> None:
    """Raise RuntimeError for a route that does not say what it asks for."""
    silent = [path for path, needs in declared_needs(app).items() if needs is None]
    if silent:
        raise RuntimeError(f"these routes do not say what they need: {', '.join(silent)}")


def declared_needs(app: FastAPI) -> dict[str, Permission | None]:
    """What each route asks for, by `METHOD path`; None for one that says nothing."""
    return {
        f"{method} {route.path}": _permission_of(route)
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or {"*"})
    }


def _permission_of(route: RouteContext) -> Permission | None:
    dependant = getattr(route, "dependant", None)
    dependencies = () if dependant is None else dependant.dependencies
    found = [each.call.permission for each in dependencies if isinstance(each.call, Needs)]
    return max(found, default=None)
