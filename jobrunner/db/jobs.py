"""Jobs, their definitions and the spec of their schedules, read for a plan."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, RowMapping, TextClause, text

from jobrunner.db.projects import API_OWNER
from jobrunner.errors import Conflict, NotFound
from jobrunner.plan.alike import are_schedules_alike
from jobrunner.plan.current import CurrentJob, CurrentSchedule
from jobrunner.spec.models import CatchUp, JobSpec, Location, ScheduleSpec

_SHOWN_OWNERS = 5
_REMEMBERED = 25_000
"""Jobs of one project; and texts, of definitions and schedules together."""
_Model = TypeVar("_Model", bound=BaseModel)

_ACTIVE_RUNS = """
    SELECT count(*) FROM jobrunner.runs AS r
     WHERE r.job_id = j.id AND r.state IN ('queued', 'running') AND NOT r.held
"""
# Which transaction has written a row, and where it lies, name one version of it, as long as it is the
# same server that is asked.
_VERSION = (
    "concat_ws(' ', (SELECT pg_postmaster_start_time()), j.xmin, j.ctid, d.xmin, d.ctid, "
    f"({_ACTIVE_RUNS}))"
)
_VERSION_OF_SCHEDULE = "concat(s.xmin, s.ctid)"
# `d.job_id` too: a definition that a hand has pointed elsewhere is none. Not sorted: for a large project
# the server would write all the definitions to a disk.
_FROM_JOBS = """
      FROM jobrunner.jobs AS j
      LEFT JOIN jobrunner.definitions AS d ON d.id = j.definition_id AND d.job_id = j.id
     WHERE j.deleted_at IS NULL AND """
_FROM_SCHEDULES = """
      FROM jobrunner.schedules AS s
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE j.deleted_at IS NULL AND s.deleted_at IS NULL AND """
_JOBS = f"""
    SELECT CAST(j.id AS text) AS id, j.address, j.digest, j.file, j.line, j.enabled, j.queue,
           j.priority, j.overlap, j.catch_up_policy, j.catch_up_window, j.catch_up_max, j.expires,
           j.timeout, j.soft_timeout, j.max_concurrency, j.tags, j.owner,
           CAST(d.spec AS text) AS spec_json, coalesce(d.revision, 0) AS revision,
           ({_ACTIVE_RUNS}) AS active_runs, {_VERSION} AS version {_FROM_JOBS}"""
_SCHEDULES = f"""
    SELECT CAST(s.id AS text) AS id, CAST(s.job_id AS text) AS job_id, s.name,
           CAST(s.spec AS text) AS spec_json, s.next_scheduled_for, s.last_run_at, s.total_run_count,
           CASE WHEN s.next_run_at IS NULL THEN s.error END AS given_up,
           {_VERSION_OF_SCHEDULE} AS version {_FROM_SCHEDULES}"""
_OF_PROJECT = "j.project_id = :project_id"
_OF_IDS = "j.id = ANY(CAST(:ids AS uuid[]))"
_OF_ADDRESSES = """
    (j.namespace, j.name) IN (SELECT split_part(address, '/', 1), split_part(address, '/', 2)
                                FROM unnest(CAST(:addresses AS text[])) AS wanted (address))
"""
_READ_PROJECT = text(_JOBS + _OF_PROJECT), text(_SCHEDULES + _OF_PROJECT)
_READ_IDS = text(_JOBS + _OF_IDS), text(_SCHEDULES + _OF_IDS)
_READ_ADDRESSES = text(_JOBS + _OF_ADDRESSES), text(_SCHEDULES + _OF_ADDRESSES)
# Two statements: joined, and grouped by job, a server without figures of new tables compares each schedule
# with each job.
_VERSIONS = (
    text(f"SELECT CAST(j.id AS text) AS id, {_VERSION} AS version {_FROM_JOBS} {_OF_PROJECT}"),
    text(
        f"SELECT CAST(s.job_id AS text) AS id, {_VERSION_OF_SCHEDULE} AS version "
        f"{_FROM_SCHEDULES} {_OF_PROJECT}"
    ),
)


class _Versioned(NamedTuple):
    version: str
    job: CurrentJob


_last_read: Mapping[str, _Versioned] = {}
"""The jobs of the project that was read last, by id: who plans again and again, as `watch` does, reads
and compares only what has changed. Set by `read_jobs`.
"""


def read_jobs(connection: Connection, project_id: int) -> tuple[CurrentJob, ...]:
    """The project's jobs that are in force, by address. A row that cannot be read says so itself.

    A job of which no row has changed since it was last read is the same value as then.
    """
    global _last_read  # noqa: PLW0603  the last one only, so that it does not grow
    of_project = {"project_id": project_id}
    read: dict[str, _Versioned] = {}
    if _last_read:
        # Before the jobs themselves: what changes in between is read once more the next time.
        versions = _read_versions(connection, of_project)
        read = {key: one for key, one in _last_read.items() if versions.get(key) == one.version}
        new = _read(connection, _READ_IDS, {"ids": [key for key in versions if key not in read]})
    else:
        new = _read(connection, _READ_PROJECT, of_project)
    read |= {str(one.job.id): one for one in new}
    _last_read = read if len(read) <= _REMEMBERED else {}
    return _by_address(read.values())


def _read_versions(connection: Connection, values: Mapping[str, object]) -> Mapping[str, str]:
    of_jobs, of_schedules = _VERSIONS
    parts = {row["id"]: [row["version"]] for row in connection.execute(of_jobs, values).mappings()}
    for row in connection.execute(of_schedules, values).mappings():
        if row["id"] in parts:  # else its job is newer than the first answer
            parts[row["id"]].append(row["version"])
    return {
        key: _joined(version, of_its_schedules)
        for key, (version, *of_its_schedules) in parts.items()
    }


def _joined(version: str, of_its_schedules: Iterable[str]) -> str:
    return " ".join([version, *sorted(of_its_schedules)])


def read_jobs_of(connection: Connection, addresses: Sequence[str]) -> tuple[CurrentJob, ...]:
    """Those in force of these addresses, whoever owns them."""
    return _by_address(_read(connection, _READ_ADDRESSES, {"addresses": list(addresses)}))


def drifted_jobs(connection: Connection, addresses: Sequence[str]) -> frozenset[str]:
    """Those of these jobs in force that somebody has changed in the database since their apply."""
    found = read_jobs_of(connection, addresses)
    return frozenset(
        job.address for job in found if job.applied is None or job.in_force != job.applied
    )


def _by_address(read: Iterable[_Versioned]) -> tuple[CurrentJob, ...]:
    return tuple(sorted((one.job for one in read), key=attrgetter("address")))


def _read(
    connection: Connection,
    statements: tuple[TextClause, TextClause],
    values: Mapping[str, object],
) -> list[_Versioned]:
    of_jobs, of_schedules = statements
    schedules: dict[str, list[_StoredSchedule]] = {}
    rows = connection.execute(of_schedules, values).mappings()
    for row in sorted(rows, key=itemgetter("name")):
        schedules.setdefault(row["job_id"], []).append(_stored_schedule(row))
    rows = connection.execute(of_jobs, values).mappings()
    return [_versioned(row, schedules.get(row["id"], ())) for row in rows]


@dataclass(frozen=True, slots=True)
class _StoredSchedule:
    value: CurrentSchedule
    problem: str
    version: str


def _versioned(row: RowMapping, schedules: Sequence[_StoredSchedule]) -> _Versioned:
    version = _joined(row["version"], (one.version for one in schedules))
    return _Versioned(version, _current_job(row, schedules))


def _stored_schedule(row: RowMapping) -> _StoredSchedule:
    spec = _load(ScheduleSpec, row["spec_json"])
    if isinstance(spec, ScheduleSpec) and spec.name != row["name"]:
        spec = f"it is named {spec.name!r} inside"
    if row["given_up"]:  # no tick looks at it any more
        spec = row["given_up"]
    value = CurrentSchedule(
        id=UUID(row["id"]),
        name=row["name"],
        spec=None if isinstance(spec, str) else spec,
        next_scheduled_for=row["next_scheduled_for"],
        last_run_at=row["last_run_at"],
        total_run_count=row["total_run_count"],
    )
    problem = ""
    if isinstance(spec, str):
        problem = f"The stored schedule #{row['name']} cannot be read: {spec}."
    return _StoredSchedule(value, problem, row["version"])


def _current_job(row: RowMapping, schedules: Sequence[_StoredSchedule]) -> CurrentJob:
    applied = _load(JobSpec, row["spec_json"])
    if isinstance(applied, JobSpec) and applied.address != row["address"]:
        applied = f"it is of {applied.address}"
    problem = next((s.problem for s in schedules if s.problem), "")
    if isinstance(applied, str):
        problem = f"The stored definition cannot be read: {applied}."
    specs = tuple(s.value.spec for s in schedules if s.value.spec is not None)
    return CurrentJob(
        id=UUID(row["id"]),
        address=row["address"],
        applied=None if isinstance(applied, str) else applied,
        in_force=None if isinstance(applied, str) or problem else _in_force(applied, row, specs),
        digest=row["digest"],
        problem=problem,
        location=Location(file=row["file"], line=row["line"]),
        revision=row["revision"],
        schedules=tuple(s.value for s in schedules),
        active_runs=row["active_runs"],
    )


@lru_cache(maxsize=_REMEMBERED)
def _load(model: type[_Model], stored: str | None) -> _Model | str:
    """The value, or why there is none. Many schedules say the same, and a job that has run says what it
    said before.
    """
    if stored is None:
        return "it is missing"
    try:
        return model.model_validate_json(stored)
    except ValidationError as error:
        first = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


_IN_COLUMNS = (
    "enabled",
    "queue",
    "priority",
    "overlap",
    "expires",
    "timeout",
    "soft_timeout",
    "max_concurrency",
    "owner",
)
_of_definition = attrgetter(
    *_IN_COLUMNS, "catch_up.policy", "catch_up.window", "catch_up.max", "tags"
)
_of_row = itemgetter(*_IN_COLUMNS, "catch_up_policy", "catch_up_window", "catch_up_max")


def _in_force(applied: JobSpec, row: RowMapping, schedules: tuple[ScheduleSpec, ...]) -> JobSpec:
    """What dispatch goes by: the columns and the schedule rows win over the definition."""
    tags = tuple(row["tags"])
    if _of_definition(applied) == (*_of_row(row), tags) and _are_alike(applied, schedules):
        return applied
    catch_up = CatchUp.model_construct(
        policy=row["catch_up_policy"], window=row["catch_up_window"], max=row["catch_up_max"]
    )
    stored = {name: row[name] for name in _IN_COLUMNS}
    return applied.model_copy(
        update={**stored, "catch_up": catch_up, "tags": tags, "schedules": schedules}
    )


def _are_alike(applied: JobSpec, schedules: tuple[ScheduleSpec, ...]) -> bool:
    return len(applied.schedules) == len(schedules) and all(
        map(are_schedules_alike, applied.schedules, schedules)
    )


def no_such_job(address: str) -> NotFound:
    """What to say of an address that no job in force has."""
    return NotFound(
        f"There is no job {address}.", hint="`jobrunner list` shows the addresses that exist."
    )


_TOMBSTONES = text("""
    SELECT address FROM jobrunner.jobs
     WHERE project_id = :project_id AND deleted_at IS NOT NULL
       AND address = ANY(CAST(:addresses AS text[]))
""")
_DELETED_IN = text("""
    SELECT change ->> 'address' AS address, max(r.number) AS revision
      FROM jobrunner.revisions AS r CROSS JOIN LATERAL jsonb_array_elements(r.changes) AS change
     WHERE r.project_id = :project_id AND change ->> 'action' = 'delete'
       AND change ->> 'address' = ANY(CAST(:addresses AS text[]))
     GROUP BY 1
""")


def read_deleted(
    connection: Connection, project_id: int, addresses: Collection[str]
) -> Mapping[str, int]:
    """Those of the addresses whose jobs were deleted, and the revision that did it."""
    values = {"project_id": project_id, "addresses": list(addresses)}
    gone = list(connection.execute(_TOMBSTONES, values).scalars())
    if not gone:
        return {}  # the changes of all revisions are not to be read for nothing
    rows = connection.execute(_DELETED_IN, {**values, "addresses": gone})
    return {row.address: row.revision for row in rows}


# Of a job that was deleted its schedules may or may not be marked as well. Two parts, so that each begins
# with the few rows that have ended.
_ENDED_RUNS = text("""
    SELECT j.address, s.name, s.total_run_count AS runs
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.deleted_at IS NOT NULL AND s.total_run_count > 0
       AND j.project_id = :project_id AND j.deleted_at IS NULL
     UNION ALL
    SELECT j.address, s.name, s.total_run_count
      FROM jobrunner.jobs AS j JOIN jobrunner.schedules AS s ON s.job_id = j.id
     WHERE j.project_id = :project_id AND j.deleted_at IS NOT NULL
       AND j.address = ANY(CAST(:addresses AS text[])) AND s.total_run_count > 0
""")


def read_ended_runs(
    connection: Connection, project_id: int, addresses: Collection[str]
) -> Mapping[str, Mapping[str, int]]:
    """How many runs its ended schedules have had, by the job's address and their names; none that has had
    none. Those of its jobs in force, and of the deleted ones of these addresses.
    """
    found: dict[str, dict[str, int]] = {}
    values = {"project_id": project_id, "addresses": list(addresses)}
    for row in connection.execute(_ENDED_RUNS, values):
        found.setdefault(row.address, {})[row.name] = row.runs
    return found


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has an address, and where it is defined."""

    project: str
    location: Location


_OWNER = text("""
    SELECT p.name AS project, j.file, j.line
      FROM jobrunner.jobs AS j JOIN jobrunner.projects AS p ON p.id = j.project_id
     WHERE j.namespace = split_part(:address, '/', 1) AND j.name = split_part(:address, '/', 2)
       AND j.deleted_at IS NULL
""")


def find_owner(connection: Connection, address: str) -> Owner | None:
    """None for an address that no job in force has."""
    row = connection.execute(_OWNER, {"address": address}).one_or_none()
    return None if row is None else Owner(row.project, Location(row.file, row.line))


_OWNERS = text("""
    SELECT j.address, p.name AS project
      FROM jobrunner.jobs AS j
      JOIN jobrunner.projects AS p ON p.id = j.project_id
     WHERE j.address = ANY(CAST(:addresses AS text[])) AND j.deleted_at IS NULL AND p.name <> :project
     ORDER BY j.address
""")


def _owner(project: str) -> str:
    return "the API" if project == API_OWNER else project


def check_owners(connection: Connection, project: str, addresses: Sequence[str]) -> None:
    """Raise Conflict when one of these addresses is a living job of another project."""
    if not addresses:
        return
    rows = connection.execute(_OWNERS, {"project": project, "addresses": list(addresses)}).all()
    if not rows:
        return
    listed = ", ".join(f"{row.address} ({_owner(row.project)})" for row in rows[:_SHOWN_OWNERS])
    more = f" and {len(rows) - _SHOWN_OWNERS} more" if len(rows) > _SHOWN_OWNERS else ""
    raise Conflict(
        f"Project {project} defines jobs that another project owns: {listed}{more}.",
        hint="An address is unique in a database: choose another namespace or name, or correct "
        "`project:` in jobrunner.yaml.",
    )
