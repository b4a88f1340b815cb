"""The dashboard's own REST. What watches the tasks is jobrunner's: see asgi.py."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from dashboard.alerts import is_signed
from dashboard.models import CachedDashboard, Export, Notification
from dashboard.users import for_users, token_for
from jobrunner.contrib.django import trigger


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """A token for a name and a password."""
    form = AuthenticationForm(request, _body(request))
    if not form.is_valid():
        return JsonResponse({"error": "Name or password is wrong."}, status=401)
    return JsonResponse({"token": token_for(form.get_user())})


@require_GET
@for_users
def overview(_: HttpRequest, user: User) -> HttpResponse:
    """The figures as they were computed last, and the newest notifications."""
    cached = CachedDashboard.objects.filter(user=user).first()
    notifications = Notification.objects.filter(user=user).order_by("-id")[:20]
    return JsonResponse(
        {
            "figures": None if cached is None else cached.figures,
            "refreshed_at": None if cached is None else cached.refreshed_at,
            "notifications": [{"kind": one.kind, "text": one.text} for one in notifications],
        }
    )


@require_POST
@for_users
def refresh(_: HttpRequest, user: User) -> HttpResponse:
    """Compute the caller's figures now."""
    started = trigger(
        "dashboard/refresh-cache", {"user_id": user.pk}, created_by=user.get_username()
    )
    return _accepted({"task_id": str(started.run_id)})


@require_POST
@for_users
def make_export(request: HttpRequest, user: User) -> HttpResponse:
    """A file with the caller's activities. The export and its run are there, or neither is."""
    body = _body(request)
    try:
        form = Export.Form(body.get("form"))
        days = [date.fromisoformat(str(body.get(name))) for name in ("first_day", "last_day")]
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=422)
    if days[0] > days[1]:
        return JsonResponse({"error": "The last day is before the first."}, status=422)
    with transaction.atomic():
        export = Export.objects.create(user=user, form=form, first_day=days[0], last_day=days[1])
        started = trigger(
            "dashboard/export-user-data",
            {"export_id": str(export.id)},
            created_by=user.get_username(),
        )
        export.run_id = started.run_id
        export.save(update_fields=["run_id"])
    return _accepted({"task_id": str(started.run_id), "file": f"{request.path}{export.id}/"})


@require_GET
@for_users
def get_export(_: HttpRequest, user: User, export_id: str) -> HttpResponseBase:
    """The file; 404 for another user's, and until it is written."""
    export = get_object_or_404(Export, id=export_id, user=user)
    path = Path(settings.EXPORTS_FOLDER) / export.file_name
    if not path.exists():
        return JsonResponse({"error": "It is not written yet."}, status=404)
    return FileResponse(path.open("rb"), as_attachment=True, filename=export.file_name)


@require_POST
def take_alert(request: HttpRequest) -> HttpResponse:
    """The web hook of jobrunner: the staff sees on its dashboard what went wrong, and that it is over."""
    if not is_signed(request):
        return JsonResponse({"error": "The signature is wrong."}, status=401)
    told = _body(request)
    kind = Notification.Kind.INFO if told["event"] == "recovered" else Notification.Kind.ALERT
    for user in User.objects.filter(is_staff=True):
        Notification.objects.get_or_create(
            user=user, origin=told["id"], defaults={"kind": kind, "text": told["title"]}
        )
    return HttpResponse(status=204)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
        json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair can be no text
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _accepted(told: dict[str, str]) -> HttpResponse:
    where = f"/api/dashboard/celery/tasks/{told['task_id']}/"
    return JsonResponse(told, status=202, headers={"Location": where})
