"""The API of the page: make a request, look how far it is, follow it live."""

import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import conditional_page, require_GET, require_http_methods

from jobrunner.contrib.django import trigger
from processing.live import follow, told_of
from processing.models import WorkRequest

_LOOK_AGAIN_SECONDS = 2
_REMEMBERED_SECONDS = 30

View = Callable[..., HttpResponseBase]


def _for_users(view: View) -> View:
    """401 for whoever is not signed in: a script cannot follow a redirect to a form."""

    @wraps(view)
    def for_users(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user_id = _user_id(request)
        if user_id is None:
            return JsonResponse({"error": "Sign in first."}, status=401)
        return view(request, user_id, *args, **kwargs)

    return for_users


def _user_id(request: HttpRequest) -> int | None:
    """Remembered for half a minute: whoever polls would have his session and himself read each time.

    A session that is ended sees its own requests so much longer.
    """
    key = f"user of {request.session.session_key}"
    user_id: int | None = cache.get(key)
    if user_id is None and request.user.is_authenticated:
        user_id = request.user.pk
        cache.set(key, user_id, _REMEMBERED_SECONDS)
    return user_id


@require_http_methods(["GET", "POST"])
@ensure_csrf_cookie
@_for_users
def requests(request: HttpRequest, user_id: int) -> HttpResponse:
    """GET: the caller's newest requests. POST {"orders": text}: a new one, answered by 202."""
    if request.method == "POST":
        return _make(request, user_id)
    newest = WorkRequest.objects.filter(owner_id=user_id)[:20]
    return JsonResponse({"requests": [told_of(one) for one in newest]})


def _make(request: HttpRequest, user_id: int) -> HttpResponse:
    try:
        orders = json.loads(request.body)["orders"]
    except (ValueError, KeyError, TypeError, RecursionError):
        orders = None
    if not isinstance(orders, str) or not _can_be_stored(orders):
        return JsonResponse(
            {"error": 'Send {"orders": "customer,amount,currency\\n…"}.'}, status=400
        )
    request_id = uuid.uuid4()
    with transaction.atomic():  # the request and its run exist from here on, or neither
        asked = trigger("requests/process", {"request_id": str(request_id)})
        made = WorkRequest.objects.create(
            id=request_id, owner_id=user_id, orders=orders, run_id=asked.run_id
        )
    return JsonResponse(
        told_of(made), status=202, headers={"Location": f"/api/requests/{made.id}/"}
    )


def _can_be_stored(text: str) -> bool:
    """PostgreSQL knows no NUL, and UTF-8 no half of a surrogate pair; JSON can have both."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


@require_GET
@_for_users
@cache_control(private=True, no_cache=True)
@conditional_page  # sets the ETag, and answers 304 to whoever has it already
def status(_: HttpRequest, user_id: int, request_id: uuid.UUID) -> HttpResponse:
    """How far it is, for pages that ask again: Retry-After says when, and is missing once it is over."""
    found = _own(user_id, request_id)
    response = JsonResponse(told_of(found))
    if not found.is_over:
        response["Retry-After"] = str(_LOOK_AGAIN_SECONDS)
    return response


@require_GET
@_for_users
def events(_: HttpRequest, user_id: int, request_id: uuid.UUID) -> StreamingHttpResponse:
    """The same as server-sent events, as it changes."""
    found = _own(user_id, request_id)
    return StreamingHttpResponse(
        follow(found),
        content_type="text/event-stream",
        # Proxies are told to pass on each event as it comes.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _own(user_id: int, request_id: uuid.UUID) -> WorkRequest:
    """Another's is 404, as if it were not there."""
    return get_object_or_404(WorkRequest.objects.defer("orders"), pk=request_id, owner_id=user_id)
