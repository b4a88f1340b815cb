"""Alembic's entry: on the connection that `jobrunner.db.migrate` hands over, in its transaction."""

from alembic import context

from jobrunner.db.tables import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table="schema_version",
    version_table_schema=SCHEMA,
)
context.run_migrations()
