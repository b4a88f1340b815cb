"""The fixtures of this test run keep their word."""

import sys

from kombu import Connection
from sqlalchemy import Engine, text

from jobrunner.db.migrate import check_revision
from tests.project import Project
from tests.servers import redis_client


def test_the_database_is_migrated(engine: Engine) -> None:
    check_revision(engine)


def test_the_database_is_empty(engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobrunner.projects")).scalar_one() == 0


def test_the_broker_is_empty(broker_url: str) -> None:
    with Connection(broker_url) as connection:
        assert redis_client(connection).dbsize() == 0


def test_each_test_has_a_virtual_host_of_its_own(broker_url: str) -> None:
    with Connection(broker_url) as connection:
        assert redis_client(connection).client_info()["db"] != 0


def test_a_command_runs_in_the_project_folder(project: Project) -> None:
    process = project.start_program(sys.executable, "-c", "import os; print(os.getcwd())")
    process.wait_for_line(str(project.path))
    assert process.wait() == 0
