"""The overview: is it ticking, what failed, what is late or paused, how full is it, is live what git says."""

from fastapi import APIRouter, Request, Response

from jobrunner.web.pages.rendering import page
from jobrunner.web.security import Reader

router = APIRouter(include_in_schema=False)


@router.get("/")
def overview(request: Request, caller: Reader) -> Response:
    """All of it on one screen."""
    return page(request, caller, "overview.html")
