"""Secrets: opened just before a call, and masked in everything that is kept of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from jobrunner.outcome import Mask

Arguments = TypeVar("Arguments")


class Secrets:
    """What this worker may open."""

    @contextmanager
    def masking(self) -> Iterator[Mask]:
        """For one run: what is opened within the block is masked by what it yields."""
        yield lambda text: text

    def opened(self, arguments: Arguments) -> Arguments:
        """The same with the secrets in place of the references to them."""
        return arguments
