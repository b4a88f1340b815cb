"""The whole of what the product has stored, to be compared."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction

_TABLES = text("""
    SELECT table_name FROM information_schema.tables
     WHERE table_schema = 'jobrunner' AND table_type = 'BASE TABLE'
""")


def all_rows(engine: Engine) -> Mapping[str, Sequence[str]]:
    """Table → its rows as PostgreSQL writes them, byte by byte, in the order of their text."""
    with transaction(engine) as connection:
        tables = connection.execute(_TABLES).scalars().all()
        return {
            table: connection.execute(
                text(f'SELECT CAST(t AS text) FROM jobrunner."{table}" AS t ORDER BY 1')  # noqa: S608  a name of our own
            )
            .scalars()
            .all()
            for table in tables
        }


def rows_of_project(engine: Engine, project: str) -> Mapping[str, Sequence[str]]:
    """The rows that a project has, byte by byte."""
    with transaction(engine) as connection:
        return {
            table: connection.execute(
                text(f"{_ROWS_OF}{table} AS t WHERE {which} ORDER BY 1"), {"project": project}
            )
            .scalars()
            .all()
            for table, which in _OF_PROJECT.items()
        }


_ROWS_OF = "SELECT CAST(t AS text) FROM jobrunner."
_JOBS = """job_id IN (SELECT j.id FROM jobrunner.jobs AS j WHERE j.project_id =
    (SELECT id FROM jobrunner.projects WHERE name = :project))"""
_OF_PROJECT = {
    "projects": "name = :project",
    "revisions": "project_id = (SELECT id FROM jobrunner.projects WHERE name = :project)",
    "jobs": "project_id = (SELECT id FROM jobrunner.projects WHERE name = :project)",
    "definitions": _JOBS,
    "schedules": _JOBS,
    "runs": _JOBS,
    "notifiers": "project_id = (SELECT id FROM jobrunner.projects WHERE name = :project)",
}
