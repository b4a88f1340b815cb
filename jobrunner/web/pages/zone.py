"""The zone of the times on all pages: the reader's own choice, kept in a cookie."""

from datetime import timedelta
from urllib.parse import quote
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from jobrunner.errors import UsageError
from jobrunner.web.forms import HasForm
from jobrunner.web.pages.rendering import ZONE_COOKIE, known_zone, local_path, page, see_other
from jobrunner.web.security import KnownCaller

_KEPT_FOR = timedelta(days=365)

router = APIRouter(include_in_schema=False)


@router.get("/zone")
def choose(request: Request, caller: KnownCaller, next: str = "/") -> Response:  # noqa: A002  the name in the address
    """All zones there are."""
    zones = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    return page(request, caller, "zone.html", zones=zones, next=local_path(next))


@router.post("/zone")
def keep(request: Request, _: KnownCaller, form: HasForm) -> Response:
    """Keep the choice, and go back. Raises UsageError for what is no zone."""
    name = form.text("zone")
    if known_zone(name) is None:
        raise UsageError(f"There is no time zone '{name}'.", hint="Choose one from the list.")
    answer = see_other(request, local_path(form.text("next")))
    answer.set_cookie(
        ZONE_COOKIE, quote(name, safe=""), max_age=int(_KEPT_FOR.total_seconds()), samesite="lax"
    )
    return answer
