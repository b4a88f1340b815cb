"""The cookie of a session, and what a browser may send along with it.

A browser sends cookies with requests that a page of others has made up. So what acts (all but GET,
HEAD and OPTIONS) must come from a page of ours, by what the browser itself says of it, and must
carry the token that stands in our forms.
"""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from jobrunner.access.sessions import SessionText, parse_session
from jobrunner.db.sessions import SESSION_DAYS
from jobrunner.errors import AccessDenied
from jobrunner.web.forms import Form

FORM_FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def session_of(request: HTTPConnection) -> SessionText | None:
    """What the request's cookie says, true or not."""
    return parse_session(request.cookies.get(_cookie_name(request), ""))


def set_cookie(request: HTTPConnection, response: Response, session: SessionText) -> None:
    """Let the browser have the session."""
    response.set_cookie(
        _cookie_name(request),
        str(session),
        max_age=SESSION_DAYS * 24 * 60 * 60,
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def delete_cookie(request: HTTPConnection, response: Response) -> None:
    """Take it back."""
    response.delete_cookie(
        _cookie_name(request), secure=_is_secure(request), httponly=True, samesite="lax"
    )


def _cookie_name(request: HTTPConnection) -> str:
    """With the prefix a browser takes it from nobody but this very host, over TLS."""
    return "__Host-jobrunner" if _is_secure(request) else "jobrunner"


def _is_secure(request: HTTPConnection) -> bool:
    return request.url.scheme == "https"


def acts(request: HTTPConnection) -> bool:
    """Whether the request may change something."""
    return request.scope["method"] not in _SAFE_METHODS


def check_form(request: HTTPConnection, session: SessionText, form: Form) -> None:
    """Raise AccessDenied for what no page of ours has sent."""
    check_origin(request, must_say=True)
    given = request.headers.get(HEADER) or form.text(FORM_FIELD)
    if not session.is_form_token(given):
        raise _foreign()


def check_origin(request: HTTPConnection, *, must_say: bool) -> None:
    """Raise AccessDenied when the browser says that a page of others has made the request.

    What is no browser says nothing of it; with `must_say` that is refused, too.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise _foreign()
    # The scheme may be that of a proxy before us; the host is what a page of others cannot have.
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        raise _foreign()
    if must_say and site is None and origin is None:
        raise _foreign()


def _foreign() -> AccessDenied:
    return AccessDenied(
        "This did not come from a page of this server.",
        is_known=True,
        hint="Load the page again, and send it from there.",
    )
