"""What the database holds of a project, read for a plan: a number of queries that does not grow."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from jobrunner.db import jobs, notifiers, pauses, projects, workers
from jobrunner.db.projects import Project
from jobrunner.plan.current import CurrentJob, CurrentProject


def read_current(connection: Connection, name: str, wanted: Sequence[str]) -> CurrentProject:
    """The project as it is in force; `wanted` are the addresses that a plan compares with it."""
    project = projects.find_project(connection, name) or projects.NEVER_APPLIED
    current = _current(connection, name, project, jobs.read_jobs(connection, project.id), wanted)
    return replace(current, notifiers=notifiers.read_notifiers(connection, name))


def read_current_of(connection: Connection, name: str, wanted: Sequence[str]) -> CurrentProject:
    """The same as if the project had no jobs but those of these addresses, which no other project owns,
    and no notifiers.
    """
    project = projects.find_project(connection, name) or projects.NEVER_APPLIED
    return _current(connection, name, project, jobs.read_jobs_of(connection, wanted), wanted)


def _current(
    connection: Connection,
    name: str,
    project: Project,
    in_force: tuple[CurrentJob, ...],
    wanted: Sequence[str],
) -> CurrentProject:
    new = set(wanted).difference(job.address for job in in_force)
    return CurrentProject(
        name=name,
        environment=project.environment,
        revision=project.revision,
        jobs=in_force,
        pauses=pauses.pauses_in_force(connection),
        deleted=jobs.read_deleted(connection, project.id, new),
        served_queues=workers.served_queues(connection),
    )
