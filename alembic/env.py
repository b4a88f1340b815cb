"""Alembic's entry: on the connection that `jobrunner.db.migrate` hands over, in its transaction."""

from alembic import context

from jobrunner.db.tables import SCHEMA, metadata

VERSION_TABLE = "schema_version"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
