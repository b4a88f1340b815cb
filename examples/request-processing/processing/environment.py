"""Values that differ from place to place: variables, or the files that NAME_FILE names."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def read(name: str, default: str | None = None) -> str:
    """NAME, else what is in the file that NAME_FILE names, else the default; '' is as if unset.

    Raises ImproperlyConfigured where there is none, or the file cannot be read.
    """
    if value := os.environ.get(name):
        return value
    if file := os.environ.get(f"{name}_FILE"):
        return _read_secret(name, Path(file))
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it, or {name}_FILE to a file with it.")
    return default


def _read_secret(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {file}, which cannot be read: {error.strerror}."
        ) from error
