"""A real beat: how it starts and stops, and what it survives."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from jobrunner.db import tables
from tests.project import Project
from tests.seeding import AddJob, ReadRuns
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


def database_now(engine: Engine) -> datetime:
    with engine.begin() as connection:
        now: datetime = connection.execute(text("SELECT date_trunc('second', now())")).scalar_one()
        return now


def add_every_second(engine: Engine, add_job: AddJob) -> datetime:
    first = database_now(engine) + 2 * SECOND
    add_job(schedules=[{"every": "1s"}], due=first, overlap="allow")
    return first


def assert_each_second_once(read_runs: ReadRuns, first: datetime) -> None:
    runs = read_runs()
    assert {run.state for run in runs} == {"queued"}
    assert [run.scheduled_for for run in runs] == [first + n * SECOND for n in range(len(runs))]


def test_celerys_own_command_line_starts_a_beat_that_fires(
    project: Project, engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_every_second(engine, add_job)
    project.start_program("celery", "-A", "jobrunner.app", "beat", "-S", "jobrunner")
    wait_until(lambda: sum(run.is_sent for run in read_runs()) >= 2)


@pytest.mark.parametrize("variable", ["JOBRUNNER_DATABASE_URL", "JOBRUNNER_BROKER_URL"])
def test_a_beat_with_a_url_that_is_none_says_so_and_ends(project: Project, variable: str) -> None:
    project.environment[variable] = "nosql://user:secret@host/name"
    beat = project.start("beat")
    assert beat.wait() == 64
    assert "URL cannot be read" in beat.output
    assert "Traceback" not in beat.output
    assert "secret" not in beat.output


def test_an_orderly_stop_signs_out(project: Project, engine: Engine) -> None:
    beat = project.start("beat")
    wait_until(lambda: _beats(engine, stopped=False) == 1)
    beat.terminate()
    beat.wait()
    assert _beats(engine, stopped=True) == 1


def test_a_beat_survives_the_loss_of_its_connections(
    project: Project, engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    first = add_every_second(engine, add_job)
    beat = project.start("beat")
    wait_until(read_runs)
    with engine.begin() as connection:
        cut = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'jobrunner beat'"
            )
        ).scalar_one()
    assert cut >= 1
    seen = len(read_runs())
    wait_until(lambda: len(read_runs()) >= seen + 3)
    assert beat.exit_code is None
    assert_each_second_once(read_runs, first)


def _beats(engine: Engine, *, stopped: bool) -> int:
    processes = tables.processes.c
    with engine.begin() as connection:
        rows = connection.execute(
            tables.processes.select().where(
                processes.kind == "beat", processes.stopped_at.is_not(None) == stopped
            )
        )
        return len(rows.all())
