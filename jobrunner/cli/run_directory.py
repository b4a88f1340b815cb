"""What `up` keeps beside the servers' data: the editor's schemas, the logs, the endpoints."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobrunner.cli.scaffold import run_directory_files
from jobrunner.settings import ENDPOINTS_FILE, Endpoints, Settings


def prepare_run_directory(folder: Path) -> None:
    """Make the folder for logs, renew the schemas, keep the rest out of git."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    for name, content in run_directory_files().items():
        _write_if_other(folder / name, content)


@contextmanager
def published_endpoints(folder: Path, settings: Settings) -> Iterator[None]:
    """While it lasts, commands in this folder and below find the servers."""
    file = folder / ENDPOINTS_FILE
    endpoints = Endpoints(database_url=settings.database_url, broker_url=settings.broker_url)
    unfinished = file.with_suffix(".new")
    # Only for this user: a given URL may hold a password.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(endpoints.model_dump_json(indent=2) + "\n")
    unfinished.replace(file)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            file.unlink()


def _write_if_other(file: Path, content: str) -> None:
    with suppress(FileNotFoundError, UnicodeDecodeError):
        if file.read_text(encoding="utf-8") == content:
            return
    file.write_text(content, encoding="utf-8")
