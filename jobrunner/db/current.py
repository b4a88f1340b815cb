"""What the database holds of a project, read for a plan: a number of queries that does not grow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from jobrunner.db import jobs, notifiers, pauses, projects, workers
from jobrunner.db.projects import Project
from jobrunner.plan.current import CurrentJob, CurrentProject


class InForce(NamedTuple):
    """A project as it is in force, whatever it is compared with."""

    project_id: int
    project: CurrentProject


def read_in_force(connection: Connection, name: str) -> InForce:
    """May be read before it is known what it is compared with."""
    project = projects.find_project(connection, name) or projects.NEVER_APPLIED
    current = _current(connection, name, project, jobs.read_jobs(connection, project.id))
    current = replace(current, notifiers=notifiers.read_notifiers(connection, name))
    return InForce(project.id, current)


def with_deleted(
    connection: Connection, in_force: InForce, wanted: Sequence[str]
) -> CurrentProject:
    """The project, and what it once had of the `wanted` addresses, which a plan compares with it."""
    new = set(wanted).difference(job.address for job in in_force.project.jobs)
    deleted = jobs.read_deleted(connection, in_force.project_id, new)
    ended_runs = jobs.read_ended_runs(connection, in_force.project_id, new)
    return replace(in_force.project, deleted=deleted, ended_runs=ended_runs)


def read_current(connection: Connection, name: str, wanted: Sequence[str]) -> CurrentProject:
    """Both."""
    return with_deleted(connection, read_in_force(connection, name), wanted)


def read_current_of(connection: Connection, name: str, wanted: Sequence[str]) -> CurrentProject:
    """The same as if the project had no jobs but those of these addresses, which no other project owns,
    and no notifiers.
    """
    project = projects.find_project(connection, name) or projects.NEVER_APPLIED
    current = _current(connection, name, project, jobs.read_jobs_of(connection, wanted))
    return with_deleted(connection, InForce(project.id, current), wanted)


def _current(
    connection: Connection, name: str, project: Project, in_force: tuple[CurrentJob, ...]
) -> CurrentProject:
    return CurrentProject(
        name=name,
        environment=project.environment,
        revision=project.revision,
        jobs=in_force,
        pauses=pauses.pauses_in_force(connection),
        served_queues=workers.served_queues(connection),
    )
