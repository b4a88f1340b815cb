"""Django's settings, from the environment.

Database and broker are named by jobrunner's own variables: JOBRUNNER_DATABASE_URL and
JOBRUNNER_BROKER_URL, or their parts.
"""

import os
from pathlib import Path

from jobrunner.contrib.django import database_from_environment
from jobrunner.settings import load_settings

BASE_DIR = Path(__file__).parents[1]
DEBUG = os.environ.get("DJANGO_DEBUG") == "true"
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or ("no secret: for development" if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")

INSTALLED_APPS = [
    "dashboard",
    "jobrunner.contrib.django",
    "django.contrib.auth",
    "django.contrib.contenttypes",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "dashboard.urls"
# No CONN_MAX_AGE: under ASGI each request has a thread of its own, whose connection would stay behind.
DATABASES = {"default": database_from_environment()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

EXPORTS_FOLDER = Path(os.environ.get("EXPORTS_FOLDER", BASE_DIR / "exports"))
"""Shared by the workers that write the files and the server that hands them out."""
_OF_JOBRUNNER = load_settings(os.environ, Path.cwd())
JWT_KEY = _OF_JOBRUNNER.jwt_key
"""Signs the users' tokens. jobrunner has the same one, and lets the same users in; without it nobody is."""
ALERTS_SIGNING_KEY = _OF_JOBRUNNER.alerts_signing_key
