"""A second process reads the later half of a large project, on a processor that would else be idle.

It hands back what each file gives that has no mistake. All others are read once more, in their order, by
whoever asked: the diagnostics are those of one reader.
"""

from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

from jobrunner.beside import Answer, worked_out_beside
from jobrunner.check_tasks import doubter
from jobrunner.files import ProjectFiles
from jobrunner.spec.halves import halves
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.readings import FileReading, KnownReadings, Readings
from jobrunner.spec.yaml import SourceFile

SMALLEST_PROJECT_BYTES = 1 << 20
"""About 3,000 jobs: half of them take longer to read than to hand over."""
_FIRST_SHARE = 0.525
"""Of the bytes, for who has nothing to hand over: then both are ready at once."""


@contextmanager
def reading_beside(
    read: ProjectFiles, given: Given, *, mode: TaskCheck
) -> Iterator[KnownReadings | None]:
    """What spares half of the files, for `parse_project` and `check_tasks` with this `mode`; None where
    it would not pay, or may not be. The second process ends with the block.
    """
    parts, later = _divided(read.files)
    if not later:
        yield None
        return
    with worked_out_beside(lambda: _read(read, later, given, mode)) as answer:
        yield _Beside(parts, frozenset(later), answer) if answer.is_coming else None


def _divided(files: Sequence[SourceFile]) -> tuple[Sequence[SourceFile], Sequence[SourceFile]]:
    """(All files, those of the later half), by their bytes; the one in the middle as two, where that pays
    and may be. No later half of a small project.
    """
    ends = list(accumulate(len(file.content) for file in files))
    if not ends or ends[-1] < SMALLEST_PROJECT_BYTES:
        return files, ()
    middle = int(ends[-1] * _FIRST_SHARE)
    number = bisect_right(ends, middle)
    before, file, after = files[:number], files[number], files[number + 1 :]
    begin = ends[number] - len(file.content)
    is_large = len(file.content) >= SMALLEST_PROJECT_BYTES
    both = halves(file, near=middle - begin) if is_large else None
    if both is None:
        return files, after
    return (*before, *both, *after), (both[1], *after)


def _read(
    read: ProjectFiles, files: Sequence[SourceFile], given: Given, mode: TaskCheck
) -> Mapping[str, FileReading]:
    """Path → what the file gives, of those without a mistake."""
    readings = Readings()
    parsed = parse_project(read.config, files, given=given, is_whole=False, readings=readings)
    is_in_doubt = doubter(read.root, patterns=parsed.project.allow.tasks, mode=mode)
    found = {file.path: readings.find(file) for file in files}
    return {
        path: one._replace(calls=tuple(filter(is_in_doubt, one.calls)))
        for path, one in found.items()
        if one is not None
    }


class _Beside:
    """The answer, waited for when the first of its files is asked for."""

    def __init__(
        self,
        parts: Sequence[SourceFile],
        later: Container[SourceFile],
        answer: Answer[Mapping[str, FileReading]],
    ) -> None:
        self._parts = parts
        self._later = later
        self._answer = answer
        self._found: Mapping[str, FileReading] | None = None

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        """The parts; all else was said at the start."""
        del config, given, files
        return self._parts

    def find(self, file: SourceFile) -> FileReading | None:
        """None for a file of the first half, and for one with a mistake."""
        if file not in self._later:
            return None
        if self._found is None:
            self._found = self._answer.wait() or {}
        return self._found.get(file.path)

    def keep(
        self, readings: Sequence[tuple[SourceFile, FileReading]], mistaken: Container[str]
    ) -> None:
        """Nobody reads them again."""
