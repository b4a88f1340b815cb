"""The Celery app: `celery -A jobrunner.app worker`, `celery -A jobrunner.app beat -S jobrunner`."""

import logging
import os
from pathlib import Path

from celery import Celery, signals

from jobrunner.broker import make_app
from jobrunner.errors import JobrunnerError
from jobrunner.logs import configure_logging, refuse_to_start
from jobrunner.settings import Settings, load_settings


def _make_process_app() -> Celery:
    try:
        settings = load_settings(os.environ, Path.cwd())
        made = make_app(settings)
    except JobrunnerError as error:
        refuse_to_start(error)
    made.conf.jobrunner_settings = settings
    made.conf.include = ["jobrunner.worker.task", "jobrunner.worker.start"]
    return made


app = _make_process_app()


@signals.setup_logging.connect(weak=False)
def set_up_logging(loglevel: int = logging.INFO, **_: object) -> None:
    """Celery configures no logging where somebody answers this.

    Its own default is to warn only, which would hide every run; `--loglevel debug` shows more.
    """
    settings: Settings = app.conf.jobrunner_settings
    configure_logging(settings.log_format, level=min(loglevel, logging.INFO))
