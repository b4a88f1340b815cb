"""A revision as one side of a plan: what it takes to go back to it, and what nobody has applied since."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobrunner.db import jobs, projects
from jobrunner.db.current import read_current
from jobrunner.db.engine import database_now
from jobrunner.db.history import JobThen, jobs_at
from jobrunner.db.notifiers import applied_notifiers
from jobrunner.db.projects import Project
from jobrunner.errors import Conflict, NotFound
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.plan.digest import spec_digest
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.reconcile.planning import Compared, check_targets
from jobrunner.spec.project import Guards, Move

NO_GUARDS = Guards()


@dataclass(frozen=True, slots=True)
class Rollback:
    """The definitions of a revision are wanted again."""

    project: str
    revision: int
    environment: str = ""
    """'' is the one that the project was applied for."""
    guards: Guards = NO_GUARDS


def plan_rollback(
    connection: Connection,
    wanted: Rollback,
    *,
    targets: Targets = EVERY_JOB,
    now: datetime | None = None,
) -> Plan:
    """What it would change to have the jobs of that revision again; needs no file of the project.

    Notifiers stay as they are: of their addresses a revision keeps only fingerprints.
    A job that was deleted since returns with its history, and one that has moved gets its old address.
    Raises NotFound, and Conflict when another project owns an address by now.
    """
    return compare_rollback(connection, wanted, targets=targets, now=now).plan


def compare_rollback(
    connection: Connection,
    wanted: Rollback,
    *,
    targets: Targets = EVERY_JOB,
    now: datetime | None = None,
) -> Compared:
    """The same, for whoever saves the plan."""
    project = _find_revision(connection, wanted.project, wanted.revision)
    then = jobs_at(connection, project.id, wanted.revision)
    addresses = [one.job.address for one in then]
    current = read_current(connection, wanted.project, addresses)
    known = [*addresses, *(job.address for job in current.jobs)]
    check_targets(targets, known, where=f"in revision {wanted.revision}")
    _check_owners(connection, wanted, [one for one in addresses if targets.cover(one)])
    moves = _moves(then)
    plan = make_plan(
        current,
        [one.job for one in then],
        now=now or database_now(connection),
        environment=wanted.environment or current.environment,
        moves=moves,
        targets=targets,
    )
    # Where a job stands in the files is no part of its definition: only what changes gets its old place.
    return Compared(replace(plan, relocated=()), current, moves)


@dataclass(frozen=True, slots=True)
class Drift:
    """What is in force and was never applied."""

    plan: Plan
    """What puts it right; a job that is gone is a `Create`, one that no apply has brought a `Delete`."""
    edited: tuple[str, ...]
    """Jobs whose stored definition is not the one that was applied: only the files know that one."""

    @property
    def is_empty(self) -> bool:
        """Everything is as the last apply has left it."""
        return self.plan.is_empty and not self.edited


def find_drift(connection: Connection, name: str) -> Drift:
    """What somebody has changed in the database since the last apply; a pause is none of it.

    Raises NotFound for a project that was never applied, Conflict for a definition that is gone.
    """
    newest = (projects.find_project(connection, name) or projects.NEVER_APPLIED).revision
    compared = compare_rollback(connection, Rollback(name, newest))
    edited = tuple(
        job.address
        for job in compared.current.jobs
        if job.applied is not None and spec_digest(job.applied) != job.digest
    )
    return Drift(_with_edited_notifiers(connection, compared), edited)


def _with_edited_notifiers(connection: Connection, compared: Compared) -> Plan:
    """Those that no revision names are from a time when none did."""
    applied = applied_notifiers(connection, compared.current.name)
    stored = compared.current.notifiers
    known = {name: url for name, url in stored.items() if name in applied}
    wanted = {name: one for name, one in applied.items() if one is not None}
    return with_notifiers(compared.plan, known, wanted)


def _find_revision(connection: Connection, name: str, revision: int) -> Project:
    project = projects.find_project(connection, name)
    if project is None:
        raise NotFound(
            f"Project {name} was never applied to this database.",
            hint="`jobrunner status` shows the projects that are here.",
        )
    if not 1 <= revision <= project.revision:
        raise NotFound(
            f"Project {name} has no revision {revision}; its newest is {project.revision}.",
            hint="`jobrunner history` shows those that there are.",
        )
    return project


def _check_owners(connection: Connection, wanted: Rollback, addresses: Sequence[str]) -> None:
    try:
        jobs.check_owners(connection, wanted.project, addresses)
    except Conflict as error:
        raise Conflict(
            f"Revision {wanted.revision} has jobs that another project has by now. {error.message}",
            hint="Name those that are to come back, each by --target namespace/job.",
        ) from error


def _moves(then: Sequence[JobThen]) -> tuple[Move, ...]:
    return tuple(
        Move(one.address_now, one.job.address, one.job.location)
        for one in then
        if one.address_now is not None and one.address_now != one.job.address
    )
