"""`trigger` of `jobrunner.contrib.django`: the run exists exactly when Django's data does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from sqlalchemy import Engine, make_url, text

from jobrunner.contrib.django import trigger, trigger_on_commit
from jobrunner.errors import NotFound, UsageError
from tests.contrib.conftest import Rows
from tests.servers import Servers, open_database


def write_note() -> None:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES ('written')")


def count_notes() -> int:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT written FROM notes")
        return len(cursor.fetchall())


def end_connection_of_django(engine: Engine) -> None:
    lost = connections[DEFAULT_DB_ALIAS].connection.info.backend_pid
    with engine.begin() as connection:
        # With a time-out it waits until that process is gone.
        connection.execute(text("SELECT pg_terminate_backend(:lost, 60000)"), {"lost": lost})


def test_a_commit_of_the_block_makes_exactly_one_run(django_database: str, rows: Rows) -> None:
    with transaction.atomic():
        write_note()
        made = trigger(django_database, {"number": 7})
        before = rows()

    assert before == []
    assert [(row.id, row.kwargs) for row in rows()] == [(made.run_id, {"number": 7})]
    assert count_notes() == 1


def test_a_rollback_of_the_block_leaves_no_run(django_database: str, rows: Rows) -> None:
    with transaction.atomic():
        write_note()
        trigger(django_database)
        transaction.set_rollback(True)

    assert rows() == []
    assert count_notes() == 0


def test_a_rollback_to_a_savepoint_takes_the_runs_since_along(
    django_database: str, rows: Rows
) -> None:
    with transaction.atomic():
        kept = trigger(django_database)
        savepoint = transaction.savepoint()
        trigger(django_database)
        transaction.savepoint_rollback(savepoint)
        write_note()

    assert [row.id for row in rows()] == [kept.run_id]
    assert count_notes() == 1


def test_outside_of_a_block_the_run_exists_when_trigger_returns(
    django_database: str, rows: Rows
) -> None:
    made = trigger(django_database)

    assert [row.id for row in rows()] == [made.run_id]


def test_whoever_is_named_has_the_run_as_his_own(django_database: str, rows: Rows) -> None:
    trigger(django_database, created_by="ada")
    trigger_on_commit(django_database, created_by="ada")

    assert [row.created_by for row in rows()] == ["ada", "ada"]


def test_the_same_request_id_in_two_transactions_is_one_run(
    django_database: str, rows: Rows
) -> None:
    first = trigger(django_database, request_id="order-7")
    second = trigger(django_database, request_id="order-7")

    assert (first.is_new, second.is_new) == (True, False)
    assert len(rows()) == 1


def test_what_trigger_raises_leaves_the_transaction_usable(
    django_database: str, rows: Rows
) -> None:
    with transaction.atomic():
        with pytest.raises(NotFound):
            trigger("test/no-such-job")
        with pytest.raises(UsageError):
            trigger(django_database, {"number": object()})
        write_note()

    assert rows() == []
    assert count_notes() == 1


def test_a_lost_connection_is_djangos_error_and_the_next_call_makes_another(
    django_database: str, rows: Rows, engine: Engine
) -> None:
    trigger(django_database)
    end_connection_of_django(engine)
    with pytest.raises(OperationalError):
        trigger(django_database)

    trigger(django_database)
    assert len(rows()) == 2


def test_how_django_reads_its_values_is_left_alone(django_database: str) -> None:
    select = "SELECT '[1]'::jsonb, now()::timestamptz, '1 day'::interval"
    with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(select)
        before = cursor.fetchone()
        trigger(django_database)
        cursor.execute(select)
        after = cursor.fetchone()

    assert after == before


def test_a_database_of_another_name_is_refused(
    django_database: str, servers: Servers, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(servers) as other:
        monkeypatch.setenv("JOBRUNNER_DATABASE_URL", other)
        with pytest.raises(UsageError, match="not jobrunner's own") as refused:
            trigger(django_database)

    assert "trigger_on_commit()" in refused.value.hint
    assert rows() == []


def test_a_database_that_is_no_postgresql_is_refused(django_database: str) -> None:
    with pytest.raises(UsageError, match="'sqlite' of Django is not jobrunner's own"):
        trigger(django_database, using="sqlite")


def test_the_same_database_by_another_way_is_jobrunners_own(
    django_database: str, database_url: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(database_url).update_query_dict({"application_name": "another-way"})
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", url.render_as_string(hide_password=False))

    trigger(django_database)

    assert len(rows()) == 1


def test_trigger_on_commit_makes_the_run_after_the_commit(django_database: str, rows: Rows) -> None:
    with transaction.atomic():
        trigger_on_commit(django_database, {"number": 7})
        before = rows()

    assert before == []
    assert [row.kwargs for row in rows()] == [{"number": 7}]


def test_trigger_on_commit_makes_no_run_after_a_rollback(django_database: str, rows: Rows) -> None:
    with transaction.atomic():
        trigger_on_commit(django_database)
        transaction.set_rollback(True)

    assert rows() == []


def test_trigger_on_commit_serves_a_database_that_is_not_jobrunners_own(
    django_database: str, rows: Rows
) -> None:
    with transaction.atomic(using="sqlite"):
        trigger_on_commit(django_database, using="sqlite")

    assert len(rows()) == 1


@pytest.mark.skipif(
    "TESTS_WITHOUT_PSYCOPG" in os.environ, reason="this is the process that it starts"
)
def test_the_same_holds_with_psycopg2(servers: Servers, tmp_path: Path) -> None:
    # Django takes psycopg wherever it can be imported.
    (tmp_path / "psycopg.py").write_text("raise ImportError('not in this process')\n")
    repeated = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            __file__,
        ],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
            "TESTS_WITHOUT_PSYCOPG": "1",
            "JOBRUNNER_TEST_DATABASE_URL": servers.database_url,
            "JOBRUNNER_TEST_BROKER_URL": servers.broker_url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert repeated.returncode == 0, repeated.stdout
    assert "15 passed, 1 skipped" in repeated.stdout
