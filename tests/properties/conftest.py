"""A project of plain values on a fresh database."""

import pytest
from sqlalchemy import Engine

from tests.reconcile.acme import Reconciler


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    return Reconciler(engine)
