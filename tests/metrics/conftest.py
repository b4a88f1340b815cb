"""A ledger to fill, and the totals of it."""

import pytest
from sqlalchemy import Engine

from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)
