"""Jobs with schedules that Python code makes, changes and deletes, on the database itself.

They are those of the REST API: no file defines them, and no apply touches them. Each function is one
transaction, and the beats have what it did when it returns. Each raises DatabaseUnavailable, and Conflict
for a job of a file, naming the line.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobrunner.api_edits import carry_out
from jobrunner.db.engine import process_engine, transaction
from jobrunner.errors import UsageError
from jobrunner.from_code import caller_of_code
from jobrunner.reconcile import ApiEdit
from jobrunner.reconcile.api_owned import (
    Edit,
    change_edit,
    creation,
    deletion,
    replacement,
    switch,
)
from jobrunner.sealing import Keyring, make_keyring
from jobrunner.settings import load_settings
from jobrunner.spec.models import ADDRESS_PATTERN


def create(job: str, definition: Mapping[str, Any]) -> None:
    """A new job `namespace/job`, by the keys that a job has in a job file. A deleted one returns with its
    history. Raises Conflict when there is one, ConfigurationError for mistakes, and UsageError for an
    address that is none.
    """
    _do("create", job, lambda keyring: creation(definition, keyring))


def replace(job: str, definition: Mapping[str, Any]) -> None:
    """Another definition in place of the whole. Raises NotFound, and ConfigurationError for mistakes."""
    _do("replace", job, lambda keyring: replacement(definition, keyring))


def change(job: str, patch: Mapping[str, Any]) -> None:
    """Some of its keys: mappings merge, None removes. Raises NotFound, ConfigurationError for mistakes, and
    Conflict for a job with sensitive arguments unless nothing but `enabled` changes.
    """
    _do("change", job, lambda keyring: change_edit(patch, keyring))


def enable(job: str) -> None:
    """Its schedules start runs again; what passed meanwhile is not made up for. Raises NotFound."""
    _do("enable", job, lambda _: switch(enabled=True))


def disable(job: str) -> None:
    """Its schedules start nothing more. Raises NotFound."""
    _do("disable", job, lambda _: switch(enabled=False))


def delete(job: str, *, allow_protected: bool = False) -> None:
    """The job is gone; its runs stay. Raises NotFound, and GuardRefused for one with `protect: true`."""
    _do("delete", job, lambda _: deletion(allow_protected=allow_protected))


def _do(action: str, job: str, make: Callable[[Keyring], Edit]) -> None:
    if not re.fullmatch(ADDRESS_PATTERN, job):
        raise UsageError(
            f"{job!r} is no address of a job.",
            hint="Write namespace/job; both are lower-case letters, digits, '.', '_' and '-'.",
        )
    settings = load_settings(os.environ, Path.cwd())
    wanted = ApiEdit(job, make(make_keyring(settings)))
    with transaction(process_engine(settings.database_url)) as connection:
        carry_out(connection, wanted, action=action, author=caller_of_code())
