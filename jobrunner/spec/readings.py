"""What each file gave when it was last read, for those who read again and again as files change."""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple, Protocol

from jobrunner.spec.calls import Call
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.moves import WrittenMove
from jobrunner.spec.project import NOTHING_GIVEN, Given
from jobrunner.spec.tree import Scalar
from jobrunner.spec.yaml import SourceFile


class FileReading(NamedTuple):
    """What one job file adds to the project."""

    jobs: tuple[DefinedJob, ...]
    calls: tuple[Call, ...]
    moves: tuple[WrittenMove, ...]
    places: Mapping[str, Scalar]
    """Address → where it stands."""
    repeated: int
    """Values that its jobs have from what is written once: see `E107`."""


class KnownReadings(Protocol):
    """What spares a reader some of the files. Asked in the order of the files."""

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        """What is read now; the files as they are to be read, of which one may be several: see `pieces`."""

    def find(self, file: SourceFile) -> FileReading | None:
        """What this file gives; None where that has to be read."""

    def keep(
        self, readings: Sequence[tuple[SourceFile, FileReading]], mistaken: Container[str]
    ) -> None:
        """What was read; a path among `mistaken` has a mistake."""


class Readings:
    """The files that were sound at the last time. A file gives the same again as long as it, the project
    file and `Given` are the same; only the addresses of its jobs may be taken elsewhere by then.
    """

    def __init__(self) -> None:
        self._config: SourceFile | None = None
        self._given: Given = NOTHING_GIVEN
        self._kept: dict[str, tuple[SourceFile, FileReading]] = {}

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        """Forget what may not be so any more."""
        if (config, given) != (self._config, self._given):
            self._kept.clear()
        self._config, self._given = config, given
        paths = {file.path for file in files}
        self._kept = {path: kept for path, kept in self._kept.items() if path in paths}
        return files

    def find(self, file: SourceFile) -> FileReading | None:
        """What this file gave; None for one that has changed, is new, or had a mistake."""
        kept = self._kept.get(file.path)
        return kept[1] if kept is not None and kept[0] == file else None

    def keep(
        self, readings: Sequence[tuple[SourceFile, FileReading]], mistaken: Container[str]
    ) -> None:
        """Those of files that were read, without the `mistaken` ones.

        None at all when the project file is among these: a mistake there is told once, by whichever file
        meets it first.
        """
        if self._config is None or self._config.path not in mistaken:
            sound = [one for one in readings if one[0].path not in mistaken]
            self._kept |= {file.path: (file, reading) for file, reading in sound}
