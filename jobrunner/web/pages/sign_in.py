"""Signing in, with a token or a one-time link, and out."""

from fastapi import APIRouter, Request, Response

from jobrunner.access.caller import Caller
from jobrunner.access.sessions import new_session, parse_session
from jobrunner.access.tokens import parse_token
from jobrunner.db import sessions, tokens
from jobrunner.db.engine import transaction
from jobrunner.errors import AccessDenied
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.forms import HasForm
from jobrunner.web.pages.rendering import local_path, page, path_below_prefix, see_other
from jobrunner.web.security import PUBLIC, KnownCaller, address_of, refused
from jobrunner.web.sessions import check_origin, delete_cookie, set_cookie

_OF_MACHINES = ("/api/", "/metrics")
_LINK_REFUSED = "This link was used already, or is older than ten minutes."

router = APIRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[PUBLIC])
def ask(request: Request, next: str = "/") -> Response:  # noqa: A002  the name in the address
    """The form for a token."""
    return page(request, None, "sign_in.html", next=local_path(next), problem="")


@router.post("/sign-in", dependencies=[PUBLIC])
def sign_in(request: Request, web: HasWeb, form: HasForm) -> Response:
    """With a token: a session that ends with it. What is wrong is told on the form."""
    back = local_path(form.text("next"))
    check_origin(request, must_say=True)
    web.guesses.check(address_of(request))
    try:
        return _with_token(request, web, form.text("token").strip(), back)
    except AccessDenied as error:
        web.guesses.failed(address_of(request))
        return page(
            request, None, "sign_in.html", status_code=401, next=back, problem=error.message
        )


def _with_token(request: Request, web: Web, given: str, back: str) -> Response:
    token, session = parse_token(given), new_session()
    if token is None:
        raise refused("unknown")
    with transaction(web.engine) as connection:
        found = tokens.caller_of(connection, token)
        if not isinstance(found, Caller):
            raise refused(found)
        sessions.open_session(connection, session, token)
    answer = see_other(request, back)
    set_cookie(request, answer, session)
    return answer


@router.get("/sign-in/link/{link}", dependencies=[PUBLIC])
def show_link(request: Request, link: str) -> Response:
    """A button: what only looks at a link, as mail programs do, does not use it up."""
    del link
    return page(request, None, "sign_in_link.html")


@router.post("/sign-in/link/{link}", dependencies=[PUBLIC])
def follow_link(request: Request, web: HasWeb, link: str) -> Response:
    """Sign in with it, once."""
    check_origin(request, must_say=True)
    web.guesses.check(address_of(request))
    given, made = parse_session(link), new_session()
    if given is not None:
        with transaction(web.engine) as connection:
            session = sessions.follow_link(connection, given, made)
        if session is not None:
            answer = see_other(request, "/")
            set_cookie(request, answer, session)
            return answer
    web.guesses.failed(address_of(request))
    return page(request, None, "sign_in.html", status_code=401, next="/", problem=_LINK_REFUSED)


@router.post("/sign-out")
def sign_out(request: Request, web: HasWeb, caller: KnownCaller) -> Response:
    """The session is over."""
    if caller.session_id is not None:
        with transaction(web.engine) as connection:
            sessions.end_session(connection, caller.session_id)
    answer = see_other(request, "/sign-in")
    delete_cookie(request, answer)
    return answer


def leads_to_sign_in(request: Request) -> bool:
    """Whether somebody without credentials is a person, who has asked for a page."""
    path = path_below_prefix(request)
    return "authorization" not in request.headers and not path.startswith(_OF_MACHINES)


def to_sign_in(request: Request) -> Response:
    """There first, and then back to the page that was asked for."""
    asked = path_below_prefix(request) if request.method == "GET" else "/"
    answer = see_other(request, "/sign-in", next=asked)
    if "hx-request" in request.headers:  # a part of a page: the whole page goes there
        return Response(status_code=401, headers={"HX-Redirect": answer.headers["location"]})
    return answer
