"""The project's Celery app. It only reads results here: jobrunner's workers run its tasks."""

from celery import Celery

app = Celery("dashboard", backend="jobrunner://")
