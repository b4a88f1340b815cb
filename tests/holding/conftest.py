"""What the tests of holding share."""

import pytest
from sqlalchemy import Engine

from tests.ledger import Ledger
from tests.seeding import add_job, broker, read_runs

__all__ = ["add_job", "broker", "read_runs"]


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """The tables of this test."""
    return Ledger(engine)
