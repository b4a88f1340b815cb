"""jobrunner's database as Django's, from the same variables."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from jobrunner.settings import load_settings


def database_from_environment() -> dict[str, Any]:
    """An entry of DATABASES for the database of jobrunner's own settings.

    They are JOBRUNNER_DATABASE_URL, its parts POSTGRES_HOST, _PORT, _USER, _PASSWORD and _DB, each or
    the file that NAME_FILE names, or a running `jobrunner up`. Without any of them the entry is empty:
    commands that need no database work, and Django refuses the others. Raises UsageError for a value
    that cannot be used.
    """
    settings = load_settings(os.environ, Path.cwd())
    if not settings.database_url:
        return {}
    url = make_url(settings.database_url)
    options = dict(url.query)
    host, port = options.pop("host", None), options.pop("port", None)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database or url.username or "",
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or host or "",
        "PORT": url.port or port or "",
        "OPTIONS": options,
    }
