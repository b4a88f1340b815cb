"""Paths and our own command as a person would type them here."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_NAME = "jobrunner"


def nearby(path: Path, here: Path | None = None) -> str:
    """Relative to `here`, the working directory unless given, when it is below it."""
    folder = Path.cwd() if here is None else here
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def own_command(environ: Mapping[str, str], here: Path) -> str:
    """`jobrunner`, or where it is when the shell would not find it: `.venv/bin/jobrunner`."""
    if shutil.which(_NAME, path=environ.get("PATH", "")):
        return _NAME
    beside_python = Path(sys.executable).parent / _NAME
    if beside_python.exists():
        return nearby(beside_python, here)
    return f"{nearby(Path(sys.executable), here)} -m {_NAME}"
