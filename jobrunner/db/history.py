"""What has become of a project, revision by revision, and what it was at each of them.

A revision keeps its changes by address, and each definition the revision that brought it, so the set of
jobs at any revision follows from what came before it.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, RowMapping, text

from jobrunner.db.revisions import changed_notifiers, whole_changes
from jobrunner.errors import Conflict, NotFound
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.spec.models import DefinedJob, Location, load_job


@dataclass(frozen=True, slots=True)
class Revision:
    """An apply that has changed something."""

    number: int
    created_at: datetime
    author: str
    git_commit: str | None
    """None outside a git work tree."""
    git_dirty: bool
    rolled_back_to: int | None
    """The revision whose definitions came back; None: it came from the files."""
    digest: str
    """Of its plan."""
    counts: Mapping[str, int]
    """How many jobs by action: `create`, `update`, `move`, `delete`; and of `notifier` how many."""
    changes: tuple[Mapping[str, Any], ...]
    """In the form of `plan.changes.changes_as_json`, as far as they were asked for."""
    notifiers: tuple[NotifierChange, ...] = ()
    """As far as they were asked for."""


_COLUMNS = """
    r.number, r.created_at, r.author, r.git_commit, r.git_dirty, r.rolled_back_to, r.digest,
    (SELECT coalesce(jsonb_object_agg(action, number), '{}') FROM (
       SELECT change ->> 'action' AS action, count(*) AS number
         FROM jsonb_array_elements(r.changes) AS change GROUP BY 1) AS counted) AS counts
"""
_OF_PROJECT = """
    FROM jobrunner.revisions AS r JOIN jobrunner.projects AS p ON p.id = r.project_id
   WHERE p.name = :project
"""
_LIST = text(f"""
    SELECT {_COLUMNS}, CAST('[]' AS jsonb) AS changes {_OF_PROJECT}
     ORDER BY r.number DESC LIMIT :limit
""")


def list_revisions(connection: Connection, project: str, *, limit: int) -> tuple[Revision, ...]:
    """The newest ones, newest first, without their changes."""
    rows = connection.execute(_LIST, {"project": project, "limit": limit}).mappings()
    return tuple(_revision(row) for row in rows)


# A job that has moved has its earlier addresses in its earlier definitions.
_ADDRESSES = text("""
    SELECT :address
     UNION
    SELECT (d.spec ->> 'namespace') || '/' || (d.spec ->> 'name')
      FROM jobrunner.jobs AS j JOIN jobrunner.definitions AS d ON d.job_id = j.id
     WHERE j.address = :address
""")
_OF_ADDRESSES = """
    jsonb_path_query_array(r.changes, '$[*] ? (@.address == $of[*] || @.moved_from == $of[*])',
                           jsonb_build_object('of', to_jsonb(CAST(:addresses AS text[]))))
"""
_LIST_OF_JOB = text(f"""
    SELECT * FROM (SELECT {_COLUMNS}, {_OF_ADDRESSES} AS changes {_OF_PROJECT}) AS touched
     WHERE changes <> '[]' ORDER BY number DESC LIMIT :limit
""")  # noqa: S608  constants of this file


def list_revisions_of(
    connection: Connection, project: str, address: str, *, limit: int
) -> tuple[Revision, ...]:
    """The newest ones that have touched a job, under whatever address, with its changes alone.

    Empty for an address that none has touched.
    """
    addresses = connection.execute(_ADDRESSES, {"address": address}).scalars().all()
    values = {"project": project, "addresses": list(addresses), "limit": limit}
    return tuple(_revision(row) for row in connection.execute(_LIST_OF_JOB, values).mappings())


_GET = text(f"SELECT {_COLUMNS}, r.changes {_OF_PROJECT} AND r.number = :number")


def get_revision(connection: Connection, project: str, number: int) -> Revision:
    """One with all of its changes. Raises NotFound."""
    row = connection.execute(_GET, {"project": project, "number": number}).mappings().one_or_none()
    if row is None:
        raise no_such_revision(project, number)
    return _revision(row)


def no_such_revision(project: str, number: int) -> NotFound:
    """The error for one that is not there."""
    return NotFound(
        f"Project {project} has no revision {number}.",
        hint="`jobrunner history` shows those that there are.",
    )


@dataclass(frozen=True, slots=True)
class JobThen:
    """A job as a revision had it in force."""

    job_id: uuid.UUID
    address_now: str | None
    """None: it is in force no more."""
    job: DefinedJob
    """Its sensitive arguments are sealed."""


# The newest word on each address. No revision moves a job away from an address that it gives to another.
_IN_FORCE_AT = text("""
    WITH changes AS (
        SELECT r.number, change ->> 'address' AS address, change ->> 'action' AS action,
               nullif(change ->> 'moved_from', '') AS moved_from, change ->> 'file' AS file,
               CAST(change ->> 'line' AS integer) AS line
          FROM jobrunner.revisions AS r CROSS JOIN LATERAL jsonb_array_elements(r.changes) AS change
         WHERE r.project_id = :project_id AND r.number <= :revision
           AND change ->> 'action' <> 'notifier'
    ), words AS (
        SELECT number, address, action <> 'delete' AS is_in_force, file, line FROM changes
         UNION ALL
        SELECT number, moved_from, false, NULL, NULL FROM changes WHERE moved_from IS NOT NULL
    ), newest AS (
        SELECT DISTINCT ON (address) * FROM words ORDER BY address, number DESC
    )
    SELECT address, number, file, line FROM newest WHERE is_in_force ORDER BY address
""")
# Another project counts its revisions, too, and may have had the same address.
_DEFINITIONS = text("""
    SELECT DISTINCT ON (wanted.address) wanted.address, d.job_id, CAST(d.spec AS text) AS spec,
           CASE WHEN j.deleted_at IS NULL THEN j.address END AS address_now
      FROM unnest(CAST(:addresses AS text[]), CAST(:numbers AS bigint[])) AS wanted (address, number)
      JOIN jobrunner.definitions AS d
        ON d.revision = wanted.number
       AND (d.spec ->> 'namespace') || '/' || (d.spec ->> 'name') = wanted.address
      JOIN jobrunner.jobs AS j ON j.id = d.job_id AND j.project_id = :project_id
     ORDER BY wanted.address, d.id DESC
""")


def jobs_at(connection: Connection, project_id: int, revision: int) -> tuple[JobThen, ...]:
    """The jobs that were in force after a revision, by address; whether there is such a revision is
    not asked. Raises Conflict for a definition that has gone, or that this version cannot read.
    """
    values = {"project_id": project_id, "revision": revision}
    in_force = connection.execute(_IN_FORCE_AT, values).all()
    wanted = {
        "project_id": project_id,
        "addresses": [row.address for row in in_force],
        "numbers": [row.number for row in in_force],
    }
    definitions = {row.address: row for row in connection.execute(_DEFINITIONS, wanted)}
    return tuple(_job_then(row, definitions.get(row.address)) for row in in_force)


def _job_then(event: Row[Any], definition: Row[Any] | None) -> JobThen:
    what = f"The definition of {event.address} as of revision {event.number}"
    if definition is None:
        raise Conflict(f"{what} is not there any more: somebody has removed or edited its row.")
    try:
        spec = load_job(json.loads(definition.spec))
    except ValidationError as error:
        raise Conflict(
            f"{what} cannot be read by this version.",
            hint="Use the version that applied it, or a newer one.",
        ) from error
    job = DefinedJob(spec=spec, location=Location(file=event.file, line=event.line))
    return JobThen(definition.job_id, definition.address_now, job)


def _revision(row: RowMapping) -> Revision:
    stored = row["changes"]
    told = {"changes": whole_changes(stored), "notifiers": changed_notifiers(stored)}
    return Revision(**{**row, **told})
