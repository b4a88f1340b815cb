"""Saved plans on disk: for their owner's eyes, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from jobrunner.errors import JobrunnerError, NotFound
from jobrunner.plan.saved import SavedPlan, read_saved, saved_as_text

_LARGEST_BYTES = 500_000_000


def write_plan_file(path: Path, saved: SavedPlan) -> None:
    """Readable by nobody else: arguments stand in it. Raises JobrunnerError."""
    try:
        # A temporary file has mode 0600 from its first byte on.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
        ) as file:
            try:
                file.write(saved_as_text(saved))
                file.flush()
                os.replace(file.name, path)  # noqa: PTH105  `Path(…).replace` hides which is which
            except BaseException:
                os.unlink(file.name)  # noqa: PTH108  as above
                raise
    except OSError as error:
        raise JobrunnerError(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder of yours."
        ) from error


def read_plan_file(path: Path) -> SavedPlan:
    """Raises NotFound, and ConfigurationError for what is no saved plan or was edited."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read: {error.strerror}.",
            hint="Name a file that `jobrunner plan --out FILE` has written.",
        ) from error
    return read_saved(content.decode("utf-8", "replace"), str(path))
