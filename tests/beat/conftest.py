"""What these tests share."""

from tests.seeding import add_job, read_runs

__all__ = ["add_job", "read_runs"]
