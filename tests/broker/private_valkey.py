"""A Valkey of one test alone, which it may fill, freeze and set up anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection

from jobrunner.embedded.servers import start_servers
from tests.servers import open_folder, redis_client


@contextmanager
def open_valkey() -> Iterator[str]:
    """Its URL."""
    with open_folder() as folder:
        started = start_servers(folder, postgres=False, durable=False)
        try:
            yield started.broker_url
        finally:
            started.stop()


def configure(broker_url: str, **options: Any) -> None:
    """`CONFIG SET`, with dashes for underscores."""
    with Connection(broker_url) as connection:
        for name, value in options.items():
            redis_client(connection).config_set(name.replace("_", "-"), value)
