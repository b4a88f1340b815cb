"""What ends the start of a beat and of a worker, which otherwise wait for what is away."""

import pytest
from sqlalchemy import Engine, text

from tests.project import Project


@pytest.mark.parametrize("process", ["beat", "worker"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE jobrunner.schema_version SET version_num = '9999'", "The database is newer"),
        ("DROP SCHEMA jobrunner CASCADE", "jobrunner db upgrade"),
    ],
)
def test_fault_70_a_database_of_no_use_is_refused(
    project: Project, engine: Engine, process: str, change: str, said: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    started = project.start(process)
    assert started.wait() == 1
    assert said in started.output
    assert "Traceback" not in started.output
