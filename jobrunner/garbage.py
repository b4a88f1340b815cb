"""Python's collector of garbage, kept out of the way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """For a block that makes many objects, none of them garbage.

    Half a million stand for a large project. Python's collector would go through all of them again and
    again and take most of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
