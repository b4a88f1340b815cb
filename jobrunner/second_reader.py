"""A second process reads a large project from its end, on a processor that would else be idle, until it
meets the first one.

It hands back what each file gives that has no mistake. All others are read once more, in their order, by
whoever asked: the diagnostics are those of one reader.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain

from jobrunner.beside import BothEnds, done_from_both_ends
from jobrunner.check_tasks import doubter
from jobrunner.files import ProjectFiles
from jobrunner.spec.calls import Call
from jobrunner.spec.parse import PartialReader, paths_in_pieces
from jobrunner.spec.pieces import pieces
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.readings import FileReading, KnownReadings
from jobrunner.spec.yaml import SourceFile

SMALLEST_PROJECT_BYTES = 1 << 19
"""About 1,400 jobs: of fewer, the time that is saved is hardly seen."""
_MOST_PARTS = 64
_FEWEST_PARTS = 3
"""Of fewer the copy may take the last one before the first process has read anything."""
_LEAST_PART_BYTES = 1 << 16
"""Nobody waits longer for the other than one part takes: some 170 jobs, a thirtieth of a second."""

_Part = Sequence[SourceFile]


@contextmanager
def reading_beside(
    read: ProjectFiles, given: Given, *, mode: TaskCheck
) -> Iterator[KnownReadings | None]:
    """What spares about half of the files, for `parse_project` and `check_tasks` with this `mode`; None
    where it would not pay, or may not be. The second process ends with the block.
    """
    total = sum(len(file.content) for file in read.files)
    size = max(_LEAST_PART_BYTES, total // _MOST_PARTS)
    parts = _parts(read.files, size=size) if total >= SMALLEST_PROJECT_BYTES else []
    if len(parts) < _FEWEST_PARTS:
        yield None
        return
    second = _Second(read, given, mode, paths_in_pieces(chain.from_iterable(parts)))
    with done_from_both_ends(second.read, parts) as both:
        yield _Beside(parts, both) if both.is_shared else None


def _parts(files: Sequence[SourceFile], *, size: int) -> list[_Part]:
    """Of about so many bytes each, in order; large files in pieces, where they may be."""
    parts: list[list[SourceFile]] = []
    room = 0
    for file in files:
        for piece in pieces(file, size=size) if len(file.content) > size else (file,):
            if room <= 0:
                parts.append([])
                room = size
            parts[-1].append(piece)
            room -= len(piece.content)
    return [*parts]


class _Second:
    """What the second process reads. Only there anything is made for it."""

    def __init__(
        self, read: ProjectFiles, given: Given, mode: TaskCheck, in_pieces: frozenset[str]
    ) -> None:
        self._read = read
        self._given = given
        self._mode = mode
        self._in_pieces = in_pieces

    def read(self, part: _Part) -> list[FileReading | None]:
        """What each file gives; None for one with a mistake."""
        return [
            one and one._replace(calls=tuple(filter(self._is_in_doubt, one.calls)))
            for one in self._reader.read(part)
        ]

    @cached_property
    def _reader(self) -> PartialReader:
        return PartialReader(self._read.config, self._given, in_pieces=self._in_pieces)

    @cached_property
    def _is_in_doubt(self) -> Callable[[Call], bool]:
        patterns = self._reader.project.allow.tasks
        return doubter(self._read.root, patterns=patterns, mode=self._mode)


class _Beside:
    """The parts of this process; those of the other one, waited for when the first of them is asked for."""

    def __init__(self, parts: Sequence[_Part], both: BothEnds[list[FileReading | None]]) -> None:
        self._parts = parts
        self._both = both
        self._begins = {part[0] for part in parts}
        self._found: Mapping[SourceFile, FileReading | None] | None = None

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        """All parts; all else was said at the start."""
        del config, given, files
        return [file for part in self._parts for file in part]

    def find(self, file: SourceFile) -> FileReading | None:
        """None for a file that is this process's to read, and for one with a mistake."""
        if self._found is None and file in self._begins and not self._both.take():
            self._found = self._of_the_other()
        return None if self._found is None else self._found.get(file)

    def _of_the_other(self) -> Mapping[SourceFile, FileReading | None]:
        rest = self._both.rest() or []
        parts = self._parts[len(self._parts) - len(rest) :]
        return {
            file: reading
            for part, readings in zip(parts, rest, strict=True)
            for file, reading in zip(part, readings, strict=True)
        }

    def keep(
        self, readings: Sequence[tuple[SourceFile, FileReading]], mistaken: Container[str]
    ) -> None:
        """Nobody reads them again."""
