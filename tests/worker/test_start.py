"""What ends the start of a beat and of a worker, and what they wait for."""

import pytest
from sqlalchemy import Engine, text

from tests.project import Project


@pytest.mark.parametrize("process", ["beat", "worker"])
def test_fault_70_a_database_that_is_newer_is_refused(
    project: Project, engine: Engine, process: str
) -> None:
    change(engine, "UPDATE jobrunner.schema_version SET version_num = '9999'")
    change(engine, "UPDATE jobrunner.schema_compatibility SET oldest_program = '9999'")
    started = project.start(process)
    assert started.wait() == 1
    assert "The database is newer" in started.output
    assert "Traceback" not in started.output


@pytest.mark.parametrize(
    ("process", "at_work"), [("beat", "database_connected"), ("worker", "ready.")]
)
def test_fault_70_a_database_without_tables_is_waited_for_with_what_to_type(
    project: Project, engine: Engine, process: str, at_work: str
) -> None:
    change(engine, "ALTER SCHEMA jobrunner RENAME TO elsewhere")
    started = project.start(process)
    started.wait_for_line("jobrunner db upgrade")
    assert at_work not in started.output
    change(engine, "ALTER SCHEMA elsewhere RENAME TO jobrunner")
    started.wait_for_line(at_work)
    started.kill_if_alive()


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
