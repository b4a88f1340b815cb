"""Fixtures for modules whose tests share one process, which takes longer to start than they last.

Imported by name, they stand in for those of `tests/conftest.py`, which are made anew for each test.
"""

from collections.abc import Iterator

import pytest

from tests.servers import Servers, empty_virtual_host_of, open_database


@pytest.fixture(scope="module", name="database_url")
def one_database_url(servers: Servers) -> Iterator[str]:
    """A fresh migrated database."""
    with open_database(servers) as url:
        yield url


@pytest.fixture(scope="module", name="broker_url")
def one_broker_url(servers: Servers, pytestconfig: pytest.Config) -> str:
    """An empty virtual host of the broker."""
    return empty_virtual_host_of(pytestconfig, servers)
