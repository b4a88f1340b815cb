"""Jobs with schedules that Python code makes, changes and deletes, on the database itself.

They are those of the REST API: no file defines them, and no apply touches them. Each function is one
transaction, and the beats have what it did when it returns. Each raises DatabaseUnavailable, and each
that changes something Conflict for a job of a file, naming the line. `author` is whom the audit and the
revisions name; None: the run that asks, or the program and its host.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Role
from jobrunner.api_edits import carry_out
from jobrunner.client import Schedule, ScheduledJob
from jobrunner.coming import words_of
from jobrunner.db.api_schedules import StoredJob, page_of_api_jobs, stored_job
from jobrunner.db.engine import process_engine, transaction
from jobrunner.db.overview import ListedSchedule
from jobrunner.db.projects import API_OWNER
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
from jobrunner.settings import Settings, load_settings
from jobrunner.spec.json_definition import written_definition
from jobrunner.spec.models import ADDRESS_PATTERN

_CODE = Caller(subject="", role=Role.ADMIN, via="open")
"""Code that reaches the database sees all of it."""
_AT_A_TIME = 100


def create(job: str, definition: Mapping[str, Any], *, author: str | None = None) -> None:
    """A new job `namespace/job`, by the keys that a job has in a job file. A deleted one returns with its
    history. Raises Conflict when there is one, ConfigurationError for mistakes, and UsageError for an
    address that is none.
    """
    _do("create", job, lambda keyring: creation(definition, keyring), author)


def replace(job: str, definition: Mapping[str, Any], *, author: str | None = None) -> None:
    """Another definition in place of the whole. Raises NotFound, and ConfigurationError for mistakes."""
    _do("replace", job, lambda keyring: replacement(definition, keyring), author)


def change(job: str, patch: Mapping[str, Any], *, author: str | None = None) -> None:
    """Some of its keys: mappings merge, None removes. Raises NotFound, ConfigurationError for mistakes, and
    Conflict for a job with sensitive arguments unless nothing but `enabled` changes.
    """
    _do("change", job, lambda keyring: change_edit(patch, keyring), author)


def enable(job: str, *, author: str | None = None) -> None:
    """Its schedules start runs again; what passed meanwhile is not made up for. Raises NotFound."""
    _do("enable", job, lambda _: switch(enabled=True), author)


def disable(job: str, *, author: str | None = None) -> None:
    """Its schedules start nothing more. Raises NotFound."""
    _do("disable", job, lambda _: switch(enabled=False), author)


def delete(job: str, *, allow_protected: bool = False, author: str | None = None) -> None:
    """The job is gone; its runs stay. Raises NotFound, and GuardRefused for one with `protect: true`."""
    _do("delete", job, lambda _: deletion(allow_protected=allow_protected), author)


def get(job: str) -> ScheduledJob:
    """The job with its definition, its next times and how often it ran; also of a file. Raises NotFound."""
    _check_address(job)
    with _transaction(_settings()) as connection:
        return _shown(stored_job(connection, job))


def list_all(*, namespace: str | None = None) -> Iterator[ScheduledJob]:
    """The jobs that no file defines, by address; read a hundred at a time."""
    after: str | None = None
    while True:
        with _transaction(_settings()) as connection:
            page = page_of_api_jobs(
                connection, _CODE, namespace=namespace, after=after, limit=_AT_A_TIME
            )
        yield from map(_shown, page)
        if len(page) < _AT_A_TIME:
            return
        after = page[-1].address


def _do(action: str, job: str, make: Callable[[Keyring], Edit], author: str | None) -> None:
    _check_address(job)
    settings = _settings()
    wanted = ApiEdit(job, make(make_keyring(settings)))
    with _transaction(settings) as connection:
        carry_out(connection, wanted, action=action, author=author or caller_of_code())


def _check_address(job: str) -> None:
    if not re.fullmatch(ADDRESS_PATTERN, job):
        raise UsageError(
            f"{job!r} is no address of a job.",
            hint="Write namespace/job; both are lower-case letters, digits, '.', '_' and '-'.",
        )


def _settings() -> Settings:
    return load_settings(os.environ, Path.cwd())


def _transaction(settings: Settings) -> AbstractContextManager[Connection]:
    return transaction(process_engine(settings.database_url))


def _shown(job: StoredJob) -> ScheduledJob:
    return ScheduledJob(
        address=job.address,
        definition=written_definition(job.definition),
        digest=job.digest,
        enabled=job.enabled,
        is_read_only=job.project != API_OWNER,
        file=job.file if job.project != API_OWNER else None,
        line=job.line if job.project != API_OWNER else None,
        schedules=tuple(_schedule(job.address, one) for one in job.schedules),
        warnings=(),
    )


def _schedule(address: str, schedule: ListedSchedule) -> Schedule:
    return Schedule(
        name=schedule.name,
        in_words=words_of(address, schedule),
        next_run_at=schedule.next_run_at,
        last_run_at=schedule.last_run_at,
        total_run_count=schedule.total_run_count,
        error=schedule.error,
    )
