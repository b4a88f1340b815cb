"""Alembic's side of `alembic upgrade head`: the application's tables, with a version table of their own."""

from alembic import context
from reports.settings import settings
from reports.tables import Table
from sqlalchemy import create_engine

engine = create_engine(settings().database_url.set(drivername="postgresql+psycopg2"))
with engine.begin() as connection:
    context.configure(
        connection=connection, target_metadata=Table.metadata, version_table="reports_version"
    )
    context.run_migrations()
