"""What the tests of apply share."""

import pytest
from sqlalchemy import Engine

from tests.reconcile.acme import Reconciler


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    """The project `acme` on a fresh database."""
    return Reconciler(engine)
