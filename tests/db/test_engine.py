"""Connections: bounded waits, and one sentence for a database that does not answer."""

import traceback
from contextlib import closing
from datetime import UTC

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from jobrunner.db.engine import (
    Limits,
    change_limits,
    database_now,
    describe,
    make_engine,
    sqlstate,
    transaction,
)
from jobrunner.errors import DatabaseBusy, DatabaseUnavailable, UsageError

SETTINGS = text("""
    SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
           current_setting('idle_in_transaction_session_timeout') AS idle,
           current_setting('application_name') AS application
""")
INSERT = text("INSERT INTO jobrunner.projects (name) VALUES ('late')")


def test_the_limits_hold_from_the_first_statement(database_url: str) -> None:
    engine = make_engine(database_url, application_name="jobrunner beat", limits=Limits(7, 1.5, 5))

    with transaction(engine) as connection:
        row = connection.execute(SETTINGS).one()

    assert tuple(row) == ("7s", "1500ms", "5s", "jobrunner beat")
    engine.dispose()


def test_the_limits_end_with_the_transaction_as_a_pooler_needs_it(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(SETTINGS)
    with closing(engine.raw_connection()) as pooled, closing(pooled.cursor()) as cursor:
        cursor.execute("SHOW statement_timeout")

        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize("url", ['"https://ada:hunter2@a.b"', "https://ada:hunter2@a.b"])
def test_a_statement_that_fails_tells_no_value(engine: Engine, url: str) -> None:
    """Addresses of notifiers have passwords."""
    insert = text("INSERT INTO jobrunner.notifiers (name, url) VALUES ('n', CAST(:url AS jsonb))")
    with pytest.raises(DBAPIError) as failed, transaction(engine) as connection:
        connection.execute(insert, {"url": url})

    told = "".join(traceback.format_exception(failed.value))
    assert 'null value in column "project_id"' in told or "invalid input syntax" in told
    assert "INSERT INTO" in told
    assert "hunter2" not in told


def test_a_transaction_may_have_other_limits(engine: Engine) -> None:
    with transaction(engine) as connection:
        change_limits(connection, Limits(60, 30, 60))
        assert tuple(connection.execute(SETTINGS).one())[:3] == ("1min", "30s", "1min")

    with transaction(engine) as connection:
        assert tuple(connection.execute(SETTINGS).one())[:3] == ("30s", "2s", "5s")


def test_times_are_utc_whatever_the_database_is_set_to(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text(f"ALTER DATABASE {engine.url.database} SET timezone = 'Asia/Tokyo'")
        )
    engine.dispose()

    with transaction(engine) as connection:
        assert database_now(connection).tzinfo is UTC


def test_a_transaction_is_committed_at_its_end(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE kept ()"))

    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM kept")).scalar_one() == 0


def test_an_exception_rolls_the_transaction_back(engine: Engine) -> None:
    def fail() -> None:
        with transaction(engine) as connection:
            connection.execute(text("CREATE TABLE gone ()"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with transaction(engine) as connection:
        assert connection.execute(text("SELECT to_regclass('gone')")).scalar_one() is None


def test_a_mistake_of_a_statement_is_no_outage(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        connection.execute(text("INSERT INTO jobrunner.projects (name) VALUES ('a'), ('a')"))


def test_a_statement_over_its_time_is_told_in_a_sentence_with_what_to_do(engine: Engine) -> None:
    with pytest.raises(DatabaseBusy) as cancelled, transaction(engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)"))

    assert "gave up: canceling statement due to statement timeout. Nothing" in str(cancelled.value)
    assert cancelled.value.hint


def test_a_row_that_somebody_holds_for_too_long_is_told_in_a_sentence(engine: Engine) -> None:
    def wait_for_the_row() -> None:
        with transaction(engine) as holder, transaction(engine) as waiting:
            holder.execute(INSERT)
            change_limits(waiting, Limits(0, 0.02, 0))
            waiting.execute(INSERT)

    with pytest.raises(DatabaseBusy, match="lock timeout"):
        wait_for_the_row()


def test_a_caller_may_hear_of_a_time_out_before_its_transaction_ends(engine: Engine) -> None:
    with transaction(engine) as connection:
        change_limits(connection, Limits(0.02, 0, 0))
        with pytest.raises(DBAPIError) as cancelled:
            connection.execute(text("SELECT pg_sleep(10)"))

    assert sqlstate(cancelled.value) == "57014"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ada:s3cret@127.0.0.1:1/jobs", "127.0.0.1:1 (database jobs)"),
        ("postgres://ada:s3cret@/jobs?host=%2Fnowhere", "/nowhere (database jobs)"),
        ("postgresql+asyncpg://ada:s3cret@127.0.0.1:1/jobs", "127.0.0.1:1 (database jobs)"),
        (
            "postgresql://ada:s3cret@127.0.0.1:1/jobs?no_such_option=1",
            "127.0.0.1:1 (database jobs)",
        ),
    ],
)
def test_a_database_that_is_away_is_named_without_the_password(url: str, place: str) -> None:
    engine = make_engine(url, application_name="test")

    with pytest.raises(DatabaseUnavailable) as away, transaction(engine):
        pass

    assert f"Cannot connect to PostgreSQL at {place}" in away.value.message
    assert "s3cret" not in f"{away.value}{away.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jobs",
        "mysql://ada:s3cret@db/jobs",
        "postgresql://ada:s3cret@db:port/jobs",
        "postgresql://ada:p@s3cret@db/jobs",
        "postgresql://ada:p@s/s3cret@db/jobs",
    ],
)
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        make_engine(url, application_name="test")

    assert refused.value.hint
    assert "s3cret" not in str(refused.value)


def test_a_lost_connection_is_an_outage_and_the_next_transaction_has_a_new_one(
    engine: Engine,
) -> None:
    with pytest.raises(DatabaseUnavailable) as lost, transaction(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert "Lost the connection to PostgreSQL" in lost.value.message
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_connection_that_died_in_the_pool_takes_the_whole_pool_with_it(engine: Engine) -> None:
    with transaction(engine) as first, transaction(engine) as second:
        first.execute(text("SELECT 1"))
        second.execute(text("SELECT 1"))
    with transaction(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        with pytest.raises(DatabaseUnavailable), transaction(engine) as dead:
            dead.execute(text("SELECT 1"))

    with transaction(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_fault_4_a_server_that_became_read_only_is_an_outage(engine: Engine) -> None:
    with transaction(engine) as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    with pytest.raises(DatabaseUnavailable) as refused, transaction(engine) as connection:
        connection.execute(text("SET TRANSACTION READ ONLY; CREATE TABLE refused ()"))

    assert "Read-only" in refused.value.message
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != backend


def test_fault_6_a_pool_that_is_used_up_is_an_outage(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.db.engine.POOL_TIMEOUT_SECONDS", 0.02)
    engine = make_engine(database_url, application_name="test", pool_size=1)

    with (
        transaction(engine),
        pytest.raises(DatabaseUnavailable, match="are in use"),
        transaction(engine),
    ):
        pass
    engine.dispose()


def test_fault_7_a_full_disk_is_an_outage_in_which_nothing_is_changed(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable) as refused, transaction(engine) as connection:
        connection.execute(text("CREATE TABLE gone (); DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"))

    assert "has no room" in refused.value.message
    assert not isinstance(refused.value, DatabaseBusy)
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT to_regclass('gone')")).scalar_one() is None


def test_fault_9_a_frozen_process_is_cut_off_and_its_late_commit_refused(database_url: str) -> None:
    frozen = make_engine(database_url, application_name="frozen", limits=Limits(30, 2, 0.05))
    other = make_engine(database_url, application_name="other")

    def freeze() -> None:
        with transaction(frozen) as connection:
            connection.execute(INSERT)
            with transaction(other) as waiting:
                # Waits for the frozen one's row: has it when the server has hung up on that one.
                waiting.execute(INSERT)

    with pytest.raises(DatabaseUnavailable):
        freeze()

    frozen.dispose()
    other.dispose()


def test_a_description_names_host_port_and_database() -> None:
    url = make_url("postgresql://ada:s3cret@db.internal:5433/jobs").render_as_string(
        hide_password=False
    )

    assert (
        describe(make_engine(url, application_name="test"))
        == "PostgreSQL at db.internal:5433 (database jobs)"
    )
