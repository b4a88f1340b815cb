"""What is in force is read beside the files of a large project, and nothing is told otherwise for it."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from jobrunner import second_reader
from jobrunner.cli import planning
from jobrunner.cli.session import Session
from tests.cli.calling import call
from tests.cli.conftest import JOBS, Jobrunner
from tests.processors import pretend_two_processors

AWAY = {"JOBRUNNER_DATABASE_URL": "postgresql://someone@127.0.0.1:1/acme"}


@pytest.fixture(autouse=True)
def two_processors_and_a_large_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_reader, "SMALLEST_PROJECT_BYTES", 1)
    monkeypatch.setattr(second_reader, "_FEWEST_PARTS", 1)
    pretend_two_processors(monkeypatch)


def test_mistakes_of_the_files_are_told_and_no_database_that_is_away(folder: Path) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text(JOBS.replace("task: app.tasks.greet", "tsk: a.b"))
    called = call("plan", folder=folder, environ=AWAY)
    assert called.exit_code == 1
    assert "jobs.d/ops.yaml:12" in called.stderr
    assert "127.0.0.1:1" not in called.stderr


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_a_database_that_is_away_is_told_once(folder: Path, command: tuple[str, ...]) -> None:
    called = call(*command, folder=folder, environ=AWAY)
    assert called.exit_code == 1
    assert called.stderr.count("127.0.0.1:1") == 1


def test_a_plan_without_the_database_does_not_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "look", lambda *_: pytest.fail("it did"))
    assert call("plan", "--offline", folder=folder, environ=AWAY).exit_code == 0


def test_a_large_project_asks_what_a_small_one_asks(
    jobrunner: Jobrunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobrunner("apply", "--yes")
    jobrunner("plan")  # in this process the next ones ask for what has changed since
    asked: list[str] = []

    def note(*event_of: Any) -> None:
        asked.append(event_of[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        of_large = jobrunner("plan").stdout, sorted(asked)
        asked.clear()
        monkeypatch.setattr(second_reader, "SMALLEST_PROJECT_BYTES", 1 << 20)
        assert (jobrunner("plan").stdout, sorted(asked)) == of_large
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def goes_away(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of the early look is lost as soon as something was read."""
    real_look = planning.look

    def look(session: Session, project: str, opened: ExitStack) -> planning.Looked | None:
        looked = real_look(session, project, opened)
        assert looked is not None
        number = looked.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": number})
        return looked

    monkeypatch.setattr(planning, "look", look)


@pytest.mark.usefixtures("goes_away")
def test_a_database_that_goes_after_it_was_looked_at_is_told(jobrunner: Jobrunner) -> None:
    called = jobrunner("plan")
    assert called.exit_code == 1
    assert "Lost the connection to PostgreSQL" in called.stderr
    assert "No changes" not in called.stdout


@pytest.mark.usefixtures("goes_away")
def test_mistakes_of_the_files_come_before_that(jobrunner: Jobrunner, folder: Path) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text(JOBS.replace("task: app.tasks.greet", "tsk: a.b"))
    called = jobrunner("plan")
    assert called.exit_code == 1
    assert "jobs.d/ops.yaml:12" in called.stderr
    assert "PostgreSQL" not in called.stderr
