"""What a person is shown of the jobs in force."""

import pytest
from sqlalchemy import Engine

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.overview import JobFilter, get_job, list_jobs
from jobrunner.errors import NotFound
from tests.ledger import Ledger


def test_a_job_whose_definition_somebody_has_removed_is_still_shown(engine: Engine) -> None:
    Ledger(engine).add_job(name="bare")
    with transaction(engine) as connection:
        connection.execute(tables.definitions.delete())
        [listed] = list_jobs(connection, JobFilter())
    assert (listed.address, listed.definition) == ("test/bare", {})


def test_an_address_that_nobody_has_is_named(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(NotFound, match="no job test/none"):
        get_job(connection, "test/none")
