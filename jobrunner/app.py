"""The Celery app: `celery -A jobrunner.app worker`, `celery -A jobrunner.app beat -S jobrunner`."""

import logging
import os
import sys
from pathlib import Path

from celery import Celery, signals

from jobrunner.broker import make_app
from jobrunner.errors import JobrunnerError
from jobrunner.files import read_project
from jobrunner.logs import configure_logging, refuse_to_start
from jobrunner.settings import Settings, load_settings


def _make_process_app() -> Celery:
    try:
        settings = load_settings(os.environ, Path.cwd())
        made = make_app(settings)
    except JobrunnerError as error:
        refuse_to_start(error)
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        _make_importable(settings)
    made.conf.jobrunner_settings = settings
    made.conf.include = ["jobrunner.worker.task", "jobrunner.worker.start"]
    return made


def _make_importable(settings: Settings) -> None:
    """The project's folder: Celery sets Django up before any code of ours runs in a worker or a beat."""
    named = Path(settings.config) if settings.config else None
    root = str(read_project(config=named, working_directory=Path.cwd()).root)
    if root not in sys.path:
        sys.path.insert(0, root)


app = _make_process_app()


@signals.setup_logging.connect(weak=False)
def set_up_logging(loglevel: int = logging.INFO, **_: object) -> None:
    """Celery configures no logging where somebody answers this.

    Its own default is to warn only, which would hide every run; `--loglevel debug` shows more.
    """
    settings: Settings = app.conf.jobrunner_settings
    configure_logging(settings.log_format, level=min(loglevel, logging.INFO))
