"""What the tests of policies share."""

import pytest
from sqlalchemy import Engine

from tests.ledger import Ledger
from tests.reconcile.acme import Reconciler
from tests.seeding import add_job, broker, read_runs

__all__ = ["add_job", "broker", "read_runs"]


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    """The project `acme` on a fresh database."""
    return Reconciler(engine)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """The tables of this test."""
    return Ledger(engine)
