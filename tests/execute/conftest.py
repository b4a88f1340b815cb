"""A ledger of jobs and runs on a real database, and a capture that is taken out again."""

import logging
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobrunner.output import Capture
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def capture() -> Iterator[Capture]:
    """To be installed within the test: pytest sets its own streams right before."""
    streams, root = (sys.stdout, sys.stderr), logging.getLogger()
    handlers = list(root.handlers)
    yield Capture()
    sys.stdout, sys.stderr = streams
    root.handlers = handlers
