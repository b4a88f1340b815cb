"""Who calls, and whether the route lets him: each route says what it asks for, or the app is not made.

Credentials are an `Authorization: Bearer` header (a token, or a JWT of the host) or, for pages, the
cookie of a session. A cookie is never good for a request that a browser can be made to send from
elsewhere: see `web.sessions`. A token is never taken from a cookie, nor a session from a header.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import HTTPConnection

from jobrunner.access.caller import Caller, Permission, Role
from jobrunner.access.networks import caller_network
from jobrunner.access.sessions import SessionText
from jobrunner.access.tokens import TokenText, parse_token
from jobrunner.db import sessions, tokens
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import Refusal
from jobrunner.errors import AccessDenied
from jobrunner.web.context import Web
from jobrunner.web.forms import Form, HasForm
from jobrunner.web.host_tokens import HostTokens
from jobrunner.web.sessions import acts, check_form, check_origin, session_of

_LOCAL = Caller(subject="local", role=Role.ADMIN, via="open")


class Needs:
    """What a route asks for. As a dependency it answers who calls."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request, form: HasForm) -> Caller:
        """The caller. Raises AccessDenied."""
        caller = identify(request, form)
        request.state.caller = caller
        if not caller.has(self.permission):
            raise AccessDenied(
                f"'{caller.subject}' is {caller.role}, and this needs more.",
                is_known=True,
                hint="Ask an administrator for a token with the role it needs.",
            )
        return caller


class NeedsAllNamespaces(Needs):
    """For what is of all namespaces at once, so that a limited role sees none of it."""

    def __init__(self) -> None:
        super().__init__(Permission.ADMINISTER)

    def __call__(self, request: Request, form: HasForm) -> Caller:
        """The caller. Raises AccessDenied."""
        caller = super().__call__(request, form)
        if caller.namespaces is not None:
            raise AccessDenied(
                "This is of all namespaces, and you administer only some.",
                is_known=True,
                hint="Ask an administrator of all of them.",
            )
        return caller


class NeedsNothing(Needs):
    """For the few routes that everybody may call; they get no caller."""

    def __init__(self) -> None:
        super().__init__(Permission.NONE)

    def __call__(self) -> None:  # type: ignore[override]  # nobody is asked for
        """Nobody."""


KnownCaller = Annotated[Caller, Depends(Needs(Permission.KNOWN))]
Reader = Annotated[Caller, Depends(Needs(Permission.READ))]
Operator = Annotated[Caller, Depends(Needs(Permission.OPERATE))]
Administrator = Annotated[Caller, Depends(Needs(Permission.ADMINISTER))]
AdministratorOfAll = Annotated[Caller, Depends(NeedsAllNamespaces())]
PUBLIC = Depends(NeedsNothing())
"""For `dependencies=[PUBLIC]` of a route."""


def known_caller(request: Request) -> Caller:
    """Whom the route was opened to."""
    found: Caller = request.state.caller
    return found


def identify(request: Request, form: Form) -> Caller:
    """Who calls, by the first kind of credentials that the request has. Raises AccessDenied."""
    web: Web = request.app.state.web
    header = request.headers.get("authorization")
    if header is not None:
        return _by_header(request, web, header)
    session = session_of(request)
    found = None if session is None else _by_session(request, web, session, form)
    if found is not None:
        return found
    if web.is_open:
        if acts(request):
            check_origin(request, must_say=False)
        return _LOCAL
    raise AccessDenied(
        "This needs credentials.",
        is_known=False,
        hint="Send the header 'Authorization: Bearer jr_…'; `jobrunner token create` makes one.",
    )


def _by_header(request: Request, web: Web, header: str) -> Caller:
    address = address_of(request)
    web.guesses.check(address)
    scheme, _, given = header.partition(" ")
    found = _holder_of(request, given.strip()) if scheme.lower() == "bearer" else "unknown"
    if isinstance(found, Caller):
        return found
    web.guesses.failed(address)
    raise refused(found)


def _holder_of(request: Request, given: str) -> Caller | Refusal:
    web: Web = request.app.state.web
    token = parse_token(given)
    if token is None:
        hosts: HostTokens = request.app.state.host_tokens
        return hosts.holder_of(given)

    def look_up(token: TokenText) -> Caller | Refusal:
        with transaction(web.engine) as connection:
            return tokens.caller_of(connection, token)

    return web.known_tokens.holder_of(token, look_up)


def _by_session(request: Request, web: Web, session: SessionText, form: Form) -> Caller | None:
    with transaction(web.engine) as connection:
        caller = sessions.caller_of(connection, session)
    if caller is None:
        return None
    if acts(request):
        check_form(request, session, form)
    request.state.csrf_token = session.form_token
    return caller


def address_of(request: HTTPConnection) -> str:
    """Where the request comes from, as far as one caller is told from another by it."""
    return "" if request.client is None else caller_network(request.client.host)


def refused(why: Refusal) -> AccessDenied:
    """The error for credentials that are good for nothing."""
    told = {
        "unknown": "These credentials are not known.",
        "expired": "These credentials have expired.",
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
