"""Jobs that a program makes, changes and deletes over REST or from Python, one at a time.

They belong to no project of files: their owner has a name that no file can give. Everything else is
as it is with files: a plan of one job, a revision, next times from one instant, a tombstone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobrunner.db.current import read_current_of
from jobrunner.db.engine import database_now
from jobrunner.db.jobs import find_owner, no_such_job
from jobrunner.db.projects import API_OWNER
from jobrunner.errors import ConfigurationError, Conflict, GuardRefused, StalePlan
from jobrunner.plan.changes import Plan
from jobrunner.plan.current import CurrentJob
from jobrunner.plan.diff import make_plan
from jobrunner.sealing import Keyring, seal_job
from jobrunner.spec.json_definition import merge_patch, read_definition, write_definition
from jobrunner.spec.models import DefinedJob, JobSpec, Location
from jobrunner.wording.places import API_FILE, place

Edit = Callable[[str, CurrentJob | None], DefinedJob | None]
"""From an address and the job that is in force there to what is to be there; None is nothing. Called
under the lock, so that nobody changes the job in between."""
_TOLD = 5
"""Mistakes; all of them are in the exception."""
_HORIZON = timedelta(hours=1)
"""Nobody looks at the load, so little of it is counted."""


@dataclass(frozen=True, slots=True)
class ApiEdit:
    """What is wanted of one job."""

    address: str
    edit: Edit
    digest: str | None = None
    """Of the definition that is meant to be there now; None: whichever is."""


def plan_edit(connection: Connection, wanted: ApiEdit, *, now: datetime | None = None) -> Plan:
    """What the edit changes. Raises Conflict when a project of files owns the address, StalePlan when
    there is another definition than the one that is meant, and what the edit raises.
    """
    _check_owner(connection, wanted.address)
    current = read_current_of(connection, API_OWNER, [wanted.address])
    before = current.jobs[0] if current.jobs else None
    if wanted.digest is not None and (before is None or before.digest != wanted.digest):
        raise StalePlan(
            f"{wanted.address} is no longer what it was. Nothing was changed.",
            hint="Read it again, and send the change with its new ETag.",
        )
    after = wanted.edit(wanted.address, before)
    return make_plan(
        current,
        [] if after is None else [after],
        now=now or database_now(connection),
        environment=current.environment,
        horizon=_HORIZON,
    )


def creation(definition: Mapping[str, Any], keyring: Keyring) -> Edit:
    """A new job. Raises Conflict when there is one, ConfigurationError for its mistakes, and UsageError
    when it has sensitive arguments and there is no key.
    """

    def edit(address: str, before: CurrentJob | None) -> DefinedJob:
        if before is not None:
            raise Conflict(f"{address} exists already.", hint="Change it, or choose another name.")
        return _read(address, definition, None, keyring)

    return edit


def replacement(definition: Mapping[str, Any], keyring: Keyring) -> Edit:
    """The job has this definition and nothing of its old one. Raises NotFound, and what `creation` does."""

    def edit(address: str, before: CurrentJob | None) -> DefinedJob:
        return _read(address, definition, _existing(address, before).in_force, keyring)

    return edit


def change_edit(patch: Mapping[str, Any], keyring: Keyring) -> Edit:
    """The job with a merge patch (RFC 7396) over its definition as `write_definition` gives it.

    Raises NotFound, Conflict for one with sensitive arguments unless nothing but `enabled` changes, and
    what `creation` does.
    """
    if patch.keys() == {"enabled"} and isinstance(patch["enabled"], bool):
        return switch(enabled=patch["enabled"])

    def edit(address: str, before: CurrentJob | None) -> DefinedJob:
        spec = _readable(_existing(address, before))
        if spec.sensitive:
            raise Conflict(
                f"{address} has sensitive arguments, which nobody can read to merge with them.",
                hint="Replace the whole definition (PUT), with their values.",
            )
        return _read(address, merge_patch(write_definition(spec), patch), spec, keyring)

    return edit


def switch(*, enabled: bool) -> Edit:
    """The job with its schedules on or off. Raises NotFound."""

    def edit(address: str, before: CurrentJob | None) -> DefinedJob:
        spec = _readable(_existing(address, before))
        return DefinedJob(spec.model_copy(update={"enabled": enabled}), Location(API_FILE, 1))

    return edit


def deletion(*, allow_protected: bool) -> Edit:
    """The job is gone, and its runs stay. Raises NotFound, and GuardRefused for one that is protected."""

    def edit(address: str, before: CurrentJob | None) -> None:
        spec = _existing(address, before).in_force
        if spec is not None and spec.protect and not allow_protected:
            raise GuardRefused(
                f"{address} is protected.",
                hint="If it is meant, delete it with allow_protected=true.",
            )

    return edit


def _check_owner(connection: Connection, address: str) -> None:
    owner = find_owner(connection, address)
    if owner is not None and owner.project != API_OWNER:
        raise Conflict(
            f"{address} belongs to project {owner.project} and is written in "
            f"{place(owner.location.file, owner.location.line)}.",
            hint="Edit that file and apply it, or choose another name.",
        )


def _existing(address: str, before: CurrentJob | None) -> CurrentJob:
    if before is None:
        raise no_such_job(address)
    return before


def _readable(job: CurrentJob) -> JobSpec:
    if job.in_force is None:
        raise Conflict(job.problem, hint="Replace the whole definition (PUT).")
    return job.in_force


def _read(
    address: str, definition: Mapping[str, Any], known: JobSpec | None, keyring: Keyring
) -> DefinedJob:
    namespace, _, name = address.partition("/")
    found = read_definition(namespace, name, definition)
    if not isinstance(found, DefinedJob):
        raise ConfigurationError(
            f"The definition of {address} has mistakes; nothing was changed.",
            diagnostics=found,
            hint=" · ".join(
                f"{one.pointer or '/'}: {one.message}; {one.help}" for one in found[:_TOLD]
            ),
        )
    return found._replace(spec=seal_job(found.spec, known, keyring))
