"""`manage.py try_tasks [NAME …] [--through-broker]`: do the tasks work here?"""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from celery import Task
from celery.exceptions import CeleryError
from celery.result import AsyncResult
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard import tasks
from dashboard.celery import app
from dashboard.models import Export
from jobrunner.contrib.django import trigger

_Arguments = Callable[[User], dict[str, Any]]


def _export(user: User) -> dict[str, Any]:
    today = timezone.now().date()
    export = Export.objects.create(
        user=user, form=Export.Form.CSV, first_day=today - timedelta(days=7), last_day=today
    )
    return {"export_id": str(export.id)}


def _notification(user: User) -> dict[str, Any]:
    return {"user_id": user.pk, "text": "This is a try."}


def _nothing(_: User) -> dict[str, Any]:
    return {}


TRIED: Mapping[str, tuple["Task[Any, Any]", _Arguments]] = {
    "refresh-cache": (tasks.refresh_dashboard_cache, _nothing),
    "warm-cache": (tasks.warm_dashboard_cache, _nothing),
    "analyze-performance": (tasks.analyze_performance, _nothing),
    "export-user-data": (tasks.export_user_data, _export),
    "notify": (tasks.send_notification, _notification),
    "clean-up": (tasks.clean_up_old_data, _nothing),
    "debug": (tasks.debug_task, _nothing),
}
"""The task of each job, and what it is given."""


class Command(BaseCommand):
    help = "Tries one task or all, in this process or through the broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="*", help=f"{', '.join(TRIED)} [default: all of them]")
        parser.add_argument("--through-broker", action="store_true", help="By a worker.")
        parser.add_argument("--timeout", type=float, default=60, help="Seconds to wait for each.")
        parser.add_argument("--user", default="ada", help="Whose data they get.")

    def handle(self, *_: Any, **options: Any) -> None:
        names = options["name"] or [*TRIED]
        unknown = [name for name in names if name not in TRIED]
        if unknown:
            raise CommandError(f"There is no {', '.join(unknown)}; there are {', '.join(TRIED)}.")
        user = User.objects.get(username=options["user"])
        failed = 0
        for name in names:
            task, arguments = TRIED[name]
            try:
                if options["through_broker"]:
                    told = _by_worker(name, arguments(user), options["timeout"])
                else:
                    told = task.apply(kwargs=arguments(user)).get()
            except Exception as error:  # noqa: BLE001  whatever a task may raise
                failed += 1
                self.stdout.write(self.style.ERROR(f"✕ {name}: {error}"))
            else:
                self.stdout.write(f"● {name}: {told}")
        if failed:
            raise CommandError(f"{failed} failed.")


def _by_worker(name: str, kwargs: dict[str, Any], timeout_seconds: float) -> Any:
    started = trigger(f"dashboard/{name}", kwargs)
    try:
        return AsyncResult(str(started.run_id), app=app).get(timeout=timeout_seconds)
    except CeleryError as error:
        raise CommandError(f"run {started.run_id}: {error}") from error
