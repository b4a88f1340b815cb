"""jobrunner's database by its own settings, for what Django's models do not write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from jobrunner.db.engine import process_engine, transaction
from jobrunner.sealing import Keyring, make_keyring
from jobrunner.settings import Settings, load_settings


@contextmanager
def own_transaction() -> Iterator[Connection]:
    """A transaction of our own. Raises DatabaseUnavailable, and UsageError where no database is known."""
    with transaction(process_engine(_settings().database_url)) as connection:
        yield connection


def own_keyring() -> Keyring:
    """The keys for arguments that jobs name as sensitive."""
    return make_keyring(_settings())


def _settings() -> Settings:
    return load_settings(os.environ, Path.cwd())
