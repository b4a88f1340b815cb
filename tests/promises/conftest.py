"""What these tests share."""

from tests.seeding import add_job, broker, read_runs

__all__ = ["add_job", "broker", "read_runs"]
