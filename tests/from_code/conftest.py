"""Jobs that Python code can trigger, in an environment that names the database."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, select

from jobrunner.db import tables
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def job(ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a job where any number of runs may go on; the environment names its database."""
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    ledger.add_job(name="job", overlap="allow")
    return "test/job"


@dataclass(frozen=True)
class Row:
    """What the tests look at of a run."""

    id: uuid.UUID
    state: str
    held: bool
    kwargs: dict[str, Any] | None
    created_by: str


Rows = Callable[[], list[Row]]


@pytest.fixture
def rows(engine: Engine) -> Rows:
    """All runs that others can see."""
    runs = tables.runs.c
    asked = select(runs.id, runs.state, runs.held, runs.kwargs, runs.created_by)

    def read() -> list[Row]:
        with engine.begin() as connection:
            return [Row(**row) for row in connection.execute(asked).mappings()]

    return read


def url_for(driver: str, database_url: str) -> str:
    """The same database by another driver."""
    url = make_url(database_url).set(drivername=f"postgresql+{driver}")
    return url.render_as_string(hide_password=False)
