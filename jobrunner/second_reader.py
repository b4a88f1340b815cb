"""A second process reads the later half of a large project, on a processor that would else be idle.

It hands back what each file gives that has no mistake. All others are read once more, in their order, by
whoever asked: the diagnostics are those of one reader.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import BinaryIO, NoReturn

from jobrunner.check_tasks import doubter
from jobrunner.files import ProjectFiles
from jobrunner.garbage import collection_paused
from jobrunner.spec.halves import halves
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.readings import FileReading, KnownReadings, Readings
from jobrunner.spec.yaml import SourceFile

SMALLEST_PROJECT_BYTES = 1 << 20
"""About 3,000 jobs: half of them take longer to read than to hand over."""


@contextmanager
def reading_beside(
    read: ProjectFiles, given: Given, *, mode: TaskCheck
) -> Iterator[KnownReadings | None]:
    """What spares half of the files, for `parse_project` and `check_tasks` with this `mode`; None where
    it would not pay, or may not be. The second process ends with the block.
    """
    parts, later = _divided(read.files)
    started = _start(read, later, given, mode) if later and _may_fork() else None
    if started is None:
        yield None
        return
    pid, pipe = started
    try:
        yield _Beside(parts, frozenset(later), pipe)
    finally:
        pipe.close()
        os.kill(pid, signal.SIGKILL)  # it has nothing more to say, or nobody listens any more
        os.waitpid(pid, 0)


def _divided(files: Sequence[SourceFile]) -> tuple[Sequence[SourceFile], Sequence[SourceFile]]:
    """(All files, those of the later half), by their bytes; the one in the middle as two, where that pays
    and may be. No later half of a small project.
    """
    ends = list(accumulate(len(file.content) for file in files))
    if not ends or ends[-1] < SMALLEST_PROJECT_BYTES:
        return files, ()
    middle = ends[-1] // 2
    number = bisect_right(ends, middle)
    before, file, after = files[:number], files[number], files[number + 1 :]
    begin = ends[number] - len(file.content)
    is_large = len(file.content) >= SMALLEST_PROJECT_BYTES
    both = halves(file, near=middle - begin) if is_large else None
    if both is None:
        return files, after
    return (*before, *both, *after), (both[1], *after)


def _may_fork() -> bool:
    """Whether a copy of this process can work, as no other thread may hold what it needs, and whether its
    end is ours to wait for: who ignores ended children, as a parent may have begun, has none to wait for.
    """
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
        and len(os.sched_getaffinity(0)) > 1
    )


def _start(
    read: ProjectFiles, files: Sequence[SourceFile], given: Given, mode: TaskCheck
) -> tuple[int, BinaryIO] | None:
    """Its process id, and where its answer comes; None where the system has no room for another process."""
    answer, end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(answer)
        os.close(end)
        return None
    if pid == 0:
        os.close(answer)
        _work(read, files, given, mode, end)
    os.close(end)
    return pid, os.fdopen(answer, "rb")


def _work(
    read: ProjectFiles, files: Sequence[SourceFile], given: Given, mode: TaskCheck, end: int
) -> NoReturn:
    """An answer that breaks off is none: what goes wrong here is told by whoever reads the files again."""
    try:
        with collection_paused(), os.fdopen(end, "wb") as pipe:
            pickle.dump(_read(read, files, given, mode), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)  # nothing of the first process is to be flushed, closed or told a second time


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
        self, parts: Sequence[SourceFile], later: Container[SourceFile], pipe: BinaryIO
    ) -> None:
        self._parts = parts
        self._later = later
        self._pipe = pipe
        self._answer: Mapping[str, FileReading] | None = None

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
        if self._answer is None:
            self._answer = {}
            with contextlib.suppress(EOFError, pickle.UnpicklingError):
                self._answer = pickle.load(self._pipe)  # noqa: S301  our own process wrote it
        return self._answer.get(file.path)

    def keep(
        self, readings: Sequence[tuple[SourceFile, FileReading]], mistaken: Container[str]
    ) -> None:
        """Nobody reads them again."""
