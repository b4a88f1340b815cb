"""What the tests of backfills share."""

from tests.seeding import add_job, broker, read_runs

__all__ = ["add_job", "broker", "read_runs"]
