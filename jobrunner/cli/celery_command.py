"""Celery's own `worker` and `beat`, in this process and without its umbrella command.

`celery` loads every command that it has, an interactive shell and the plug-ins of what is installed
beside it: a third of what a start costs.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import celery.__main__
from celery.app.utils import find_app
from celery.bin.base import CLIContext
from celery.bin.beat import beat
from celery.bin.worker import worker

_APP = "jobrunner.app"
_COMMANDS = {"beat": beat, "worker": worker}


def run_celery(name: str, arguments: Sequence[str]) -> NoReturn:
    """`celery -A jobrunner.app NAME ARGUMENTS…`; ends with SystemExit, as that does."""
    # What Celery shows as the process's title, and starts from anew for `--detach`.
    sys.argv = [celery.__main__.__file__, "-A", _APP, name, *arguments]
    _make_importable()
    context = CLIContext(
        app=find_app(_APP),
        no_color=bool(os.environ.get("NO_COLOR")),
        workdir=None,
        quiet=False,
    )
    _COMMANDS[name].main(
        list(arguments),
        prog_name=f"celery {name}",
        obj=context,
        auto_envvar_prefix=f"CELERY_{name.upper()}",
    )
    raise AssertionError  # click ends the process


def _make_importable() -> None:
    """Modules of this folder, as `python -m celery` does."""
    folder = str(Path.cwd())
    if not sys.flags.safe_path and folder not in sys.path:
        sys.path.insert(0, folder)
