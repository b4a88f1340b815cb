"""`manage.py serve`: gunicorn in production, else Django's own server, which follows changed code."""

import os
import sys
from typing import NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand

from processing.environment import read

_PRODUCTION_PORT = "5000"
_DEVELOPMENT_PORT = "8000"


class Command(BaseCommand):
    help = "Serves the application on LISTEN_ON (127.0.0.1) and PORT, in place of this process."

    def handle(self, **_: object) -> None:
        host = read("LISTEN_ON", "127.0.0.1")
        if settings.IS_PRODUCTION:
            _become("-m", "gunicorn", *_gunicorn(f"{host}:{read('PORT', _PRODUCTION_PORT)}"))
        address = f"{host}:{read('PORT', _DEVELOPMENT_PORT)}"
        _become(str(settings.BASE_DIR / "manage.py"), "runserver", address)


def _gunicorn(address: str) -> list[str]:
    # More threads than there may be live streams.
    threads = ["--worker-class", "gthread", "--threads", "20"]
    # Whoever polls comes again after two seconds, by the same connection.
    kept = ["--keep-alive", "5"]
    return ["--bind", address, *threads, *kept, "--no-control-socket", "processing.wsgi"]


def _become(*words: str) -> NoReturn:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  no shell is wanted
