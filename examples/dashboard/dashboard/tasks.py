"""The tasks, as they were for Celery. jobrunner calls them by their paths; jobs.d/ says when."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from celery import Task, shared_task
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from dashboard.exports import write_export
from dashboard.figures import figures_of, performance, rows_of
from dashboard.models import Analysis, CachedDashboard, Export, Notification

logger = logging.getLogger(__name__)

_CAME_LATELY = timedelta(days=7)


@shared_task
def refresh_dashboard_cache(user_id: int | None = None) -> int:
    """Of one user, or of all; how many there were."""
    users = User.objects.filter(is_active=True)
    return _refresh(users if user_id is None else users.filter(id=user_id))


@shared_task
def warm_dashboard_cache() -> int:
    """Of those who came within a week; how many there were."""
    since = timezone.now() - _CAME_LATELY
    return _refresh(User.objects.filter(is_active=True, last_login__gt=since))


def _refresh(users: Any) -> int:
    for user in users:
        CachedDashboard.objects.update_or_create(
            user=user, defaults={"figures": figures_of(user), "refreshed_at": timezone.now()}
        )
    return len(users)


@shared_task
def analyze_performance(hours: int = 6) -> dict[str, Any]:
    """Figures of the hours before now, which are kept, too."""
    figures = performance(hours)
    Analysis.objects.create(figures=figures)
    return figures


@shared_task
def export_user_data(export_id: str) -> dict[str, Any]:
    """The file that the export asks for."""
    export = Export.objects.select_related("user").get(id=export_id)
    size_bytes = write_export(
        Path(settings.EXPORTS_FOLDER) / export.file_name,
        export.form,
        title=f"{export.user.username}: {export.first_day} to {export.last_day}",
        rows=rows_of(export.user, export.first_day, export.last_day),
    )
    return {"file": export.file_name, "bytes": size_bytes}


@shared_task(bind=True)
def send_notification(
    self: "Task[Any, Any]",
    user_id: int,
    text: str,
    kind: Literal["info", "warning", "alert"] = "info",
) -> int:
    """A line on the user's dashboard. A task that is tried again finds the one that it has made."""
    notification, _ = Notification.objects.get_or_create(
        user_id=user_id, origin=self.request.id, defaults={"kind": kind, "text": text}
    )
    return int(notification.pk)


@shared_task
def clean_up_old_data(days: int = 30) -> dict[str, int]:
    """Notifications, analyses and exports that are older; how many of each."""
    until = timezone.now() - timedelta(days=days)
    exports = Export.objects.filter(requested_at__lt=until)
    for export in exports:
        (Path(settings.EXPORTS_FOLDER) / export.file_name).unlink(missing_ok=True)
    return {
        "exports": exports.delete()[0],
        "notifications": Notification.objects.filter(created_at__lt=until).delete()[0],
        "analyses": Analysis.objects.filter(made_at__lt=until).delete()[0],
    }


@shared_task(bind=True)
def debug_task(
    self: "Task[Any, Any]", fail: Literal["", "network", "database", "code"] = ""
) -> dict[str, Any]:
    """What it was called with; or an error of the kind that is asked for."""
    logger.info("task %s, attempt %d", self.request.id, self.request.retries + 1)
    match fail:
        case "network":
            raise ConnectionError("the other side has closed the connection")
        case "database":
            raise OperationalError("the server has closed the connection")
        case "code":
            raise ValueError("this is what a mistake looks like")
    return {"id": self.request.id, "attempt": self.request.retries + 1}
