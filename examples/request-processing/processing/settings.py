"""Django's settings, from the environment.

Database and broker are named by jobrunner's own variables: JOBRUNNER_DATABASE_URL or POSTGRES_HOST,
_USER, _PASSWORD …, JOBRUNNER_BROKER_URL or REDIS_HOST …
"""

from pathlib import Path

from jobrunner.contrib.django import database_from_environment
from processing.environment import read

BASE_DIR = Path(__file__).parents[1]
IS_PRODUCTION = read("DJANGO_ENVIRONMENT", "production") == "production"
DEBUG = not IS_PRODUCTION
SECRET_KEY = read("DJANGO_SECRET_KEY", None if IS_PRODUCTION else "no secret: for development")
ALLOWED_HOSTS = read("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")
CSRF_TRUSTED_ORIGINS = [one for one in read("DJANGO_TRUSTED_ORIGINS", "").split(",") if one]

RUN_FOLDER = Path(read("RUN_FOLDER", str(BASE_DIR / ".run")))
"""What each start makes for itself: the image may be read-only."""
SCRATCH_FOLDER = Path(read("SCRATCH_FOLDER", str(BASE_DIR / ".run" / "scratch")))
"""What a run keeps until it is over. Shared by all workers: one of them cleans up after another."""
SECONDS_AN_ORDER = float(read("SECONDS_AN_ORDER", "0.2"))
"""How long the work on one order takes: invented, so that something is seen."""

INSTALLED_APPS = [
    "processing",
    "jobrunner.contrib.django",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "processing.urls"
WSGI_APPLICATION = "processing.wsgi.application"

DATABASES = {
    "default": {**database_from_environment(), "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
TIME_ZONE = "UTC"

ASSETS_SOURCE = BASE_DIR / "frontend"
"""As they were built, with VITE_APP_… placeholders in them; `manage.py assets fill` fills a copy."""
WHITENOISE_ROOT = RUN_FOLDER / "assets"
WHITENOISE_INDEX_FILE = True
WHITENOISE_AUTOREFRESH = DEBUG
STATIC_URL = "/static/"
STATIC_ROOT = RUN_FOLDER / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
