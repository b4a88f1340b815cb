"""The least that Django needs to keep the schedules of django-celery-beat."""

import os
from urllib.parse import parse_qs, urlsplit

_url = urlsplit(os.environ["JOBRUNNER_DATABASE_URL"])

SECRET_KEY = "of a database that is gone in a minute"  # noqa: S105
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django_celery_beat"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "USER": _url.username,
        "HOST": parse_qs(_url.query)["host"][0],
    }
}
