"""Migrations: they give what the models say, run up and down, once, and tell who fits."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from jobrunner.db import migrate
from jobrunner.db.engine import transaction
from jobrunner.db.tables import SCHEMA, metadata
from jobrunner.errors import DatabaseUnavailable, LockNotObtained, SchemaMismatch
from tests.reconcile.acme import NOW, Reconciler, make_job

# What Alembic's comparison does not look at: checks, storage, partial and covering indexes.
_CATALOGUE = text(
    """
    SELECT 'column' AS kind, table_name || '.' || column_name AS name,
           concat_ws(' ', data_type, udt_name, is_nullable, column_default, is_identity,
                     identity_generation, generation_expression) AS definition
      FROM information_schema.columns WHERE table_schema = 'jobrunner'
    UNION ALL
    SELECT 'constraint', (SELECT relname FROM pg_class WHERE oid = conrelid) || '.' || conname,
           pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'jobrunner'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'jobrunner'
    UNION ALL
    SELECT 'storage', relname, reloptions::text
      FROM pg_class WHERE relnamespace = 'jobrunner'::regnamespace AND relkind = 'r'
    ORDER BY 1, 2
""".replace("::", "\\:\\:")
)


@pytest.fixture
def empty(engine: Engine) -> Engine:
    """A database without any table of ours."""
    with transaction(engine) as connection:
        connection.execute(text("DROP SCHEMA jobrunner CASCADE"))
    return engine


def catalogue(connection: Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute(_CATALOGUE).all()
    return [tuple(row) for row in rows if not row.name.startswith("schema_version")]


def test_the_migrated_database_is_what_the_models_say(engine: Engine) -> None:
    with transaction(engine) as connection:
        # The role and the schema may share their name: unqualified names would find our tables.
        connection.execute(text("SET LOCAL search_path = public"))
        connection.dialect.default_schema_name = "public"
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "version_table": "schema_version",
                "version_table_schema": SCHEMA,
                "compare_server_default": True,
            },
        )

        assert compare_metadata(context, metadata) == []


def test_the_migrated_database_is_what_the_models_create_to_the_last_option(
    engine: Engine,
) -> None:
    with transaction(engine) as connection:
        migrated = catalogue(connection)
        connection.execute(text("DROP SCHEMA jobrunner CASCADE"))
        connection.execute(text("CREATE SCHEMA jobrunner"))
        metadata.create_all(connection)

        assert catalogue(connection) == migrated


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_each_migration_runs_up_and_down_and_up(engine: Engine, revision: str) -> None:
    with transaction(engine) as connection:
        migrate.run_migrations(connection, revision)
        before = catalogue(connection)
        migrate.run_migrations(connection, "base")
        assert catalogue(connection) == []
        migrate.run_migrations(connection, revision)

        assert catalogue(connection) == before


@pytest.mark.parametrize("revision", migrate.REVISIONS[:-1])
def test_fault_71_a_release_that_is_taken_back_and_comes_again_finds_the_same_jobs(
    engine: Engine, revision: str
) -> None:
    acme, report = Reconciler(engine), make_job("a/report", schedules=[{"every": "2h"}])
    acme.apply(report, make_job("a/deleted"))
    acme.apply(report)
    before = acme.in_force()

    with transaction(engine) as connection:
        migrate.run_migrations(connection, revision)
    assert migrate.upgrade(engine) == migrate.REVISIONS[-1]

    assert acme.in_force() == before
    assert acme.plan(report).is_empty


@pytest.mark.parametrize(
    "spoilt",
    [
        "next_scheduled_for = NULL",
        "next_scheduled_for = '19999-01-01Z'",
        "next_run_at = '0044-03-15 BC'",
        "next_scheduled_for = 'infinity', next_run_at = 'infinity', last_run_at = 'infinity'",
    ],
)
def test_a_time_that_nobody_can_read_stops_no_upgrade_and_the_next_apply_mends_it(
    engine: Engine, spoilt: str
) -> None:
    acme = Reconciler(engine)
    job = make_job(schedules=[{"every": "1h"}])
    acme.apply(job)
    with transaction(engine) as connection:
        migrate.run_migrations(connection, "0001")
        connection.execute(text(f"UPDATE jobrunner.schedules SET {spoilt}"))  # noqa: S608
        migrate.run_migrations(connection, migrate.REVISIONS[-1])

    assert acme.next_times() == {"nightly#default": None}
    [change] = acme.plan(job).updates
    assert "missing or out of range; `jobrunner apply` computes it again" in change.replaces
    acme.apply(job)
    assert acme.next_times() == {"nightly#default": NOW + timedelta(hours=1)}
    assert acme.plan(job).changes == ()


def test_the_program_knows_each_migration_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_folder()))
    config.set_main_option("path_separator", "os")

    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(found)) == migrate.REVISIONS
    assert migrate.OLDEST_USABLE in migrate.REVISIONS


def test_a_process_that_only_checks_does_not_import_alembic() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, jobrunner.db.migrate; print('alembic.command' in sys.modules)",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout == "False\n"


def test_an_upgrade_of_a_database_that_is_new_enough_changes_nothing(engine: Engine) -> None:
    migrate.upgrade(engine)

    assert migrate.current_revision(engine) == migrate.REVISIONS[-1]


def test_fault_67_of_many_processes_that_migrate_at_once_one_does_and_all_succeed(
    empty: Engine, database_url: str
) -> None:
    script = (
        "import sys; from jobrunner.db import engine, migrate;"
        "print(migrate.upgrade(engine.make_engine(sys.argv[1], application_name='migrate')))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, database_url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    ends = [process.communicate(timeout=60) for process in processes]

    assert ends == [(f"{migrate.REVISIONS[-1]}\n", "")] * 10
    assert migrate.current_revision(empty) == migrate.REVISIONS[-1]


def test_an_upgrade_waits_for_another_and_gives_up_in_the_end(
    engine: Engine, empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_SECONDS", 0.05)
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrate.LOCK_KEY})

        with pytest.raises(LockNotObtained):
            migrate.upgrade(empty)


def test_fault_68_a_migration_that_is_killed_leaves_no_trace_and_runs_again(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(migrate, "run_migrations", _migrate_and_die)
        with pytest.raises(DatabaseUnavailable):
            migrate.upgrade(empty)

    with transaction(empty) as connection:
        assert connection.execute(text("SELECT to_regnamespace('jobrunner')")).scalar_one() is None
    assert migrate.upgrade(empty) == migrate.REVISIONS[-1]


_run_migrations = migrate.run_migrations


def _migrate_and_die(connection: Connection, target: str) -> None:
    _run_migrations(connection, target)
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_fault_70_a_database_without_tables_is_refused_with_what_to_type(empty: Engine) -> None:
    with pytest.raises(SchemaMismatch) as refused:
        migrate.check_revision(empty)

    assert "has no jobrunner tables" in refused.value.message
    assert "jobrunner db upgrade" in refused.value.hint


@pytest.mark.parametrize("use", [migrate.check_revision, migrate.upgrade])
def test_fault_70_a_newer_database_is_refused(engine: Engine, use: object) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobrunner.schema_version SET version_num = '9999'"))
        connection.execute(
            text("UPDATE jobrunner.schema_compatibility SET oldest_program = '9999'")
        )

    with pytest.raises(SchemaMismatch) as refused:
        use(engine)  # type: ignore[operator]  # either of two functions

    assert f"at revision 9999, this version needs {migrate.REVISIONS[-1]}" in refused.value.message
    assert refused.value.exit_code == 1


@pytest.mark.parametrize("use", [migrate.check_revision, migrate.upgrade])
def test_fault_71_a_newer_database_that_leaves_room_for_this_program_is_used(
    engine: Engine, use: Callable[[Engine], object]
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobrunner.schema_version SET version_num = '9999'"))

    use(engine)

    assert migrate.current_revision(engine) == "9999"


def test_fault_70_an_older_database_is_refused_with_both_revisions(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "REVISIONS", ("0005", "0006", "0007"))
    monkeypatch.setattr(migrate, "OLDEST_USABLE", "0006")

    with pytest.raises(SchemaMismatch) as refused:
        migrate.check_revision(engine)

    assert "at revision 0005, this version needs 0006…0007" in refused.value.message
    assert "jobrunner db upgrade" in refused.value.hint


def test_a_database_that_is_older_but_usable_is_accepted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "9999"))

    migrate.check_revision(engine)
