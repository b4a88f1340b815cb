"""The health of the whole."""

from typing import Any

from fastapi import APIRouter

from jobrunner.web.context import HasWeb
from jobrunner.web.security import PUBLIC, Reader

router = APIRouter(tags=["status"])


@router.get("/health", dependencies=[PUBLIC])
def health() -> dict[str, Any]:
    """That this process answers; nothing else is looked at."""
    return {"status": "ok"}


@router.get("/status")
def status(web: HasWeb, caller: Reader) -> dict[str, Any]:
    """TODO."""
    return {"subject": caller.subject, "now": web.now()}
