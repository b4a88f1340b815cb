"""Python that is saved while `up` runs: with --reload its worker starts anew, without it keeps the old."""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue

from jobrunner.reload import saved_python


class SavedPython:
    """All of it below the project, heard of in a thread of its own: PostgreSQL's files may lie there,
    and their changes would keep another one waiting.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._saved: SimpleQueue[list[Path]] = SimpleQueue()
        self._over = threading.Event()
        threading.Thread(target=self._listen, name="saved python", daemon=True).start()

    def since(self) -> Iterator[list[Path]]:
        """What was saved together, each time since the last call."""
        while not self._saved.empty():
            yield self._saved.get()

    def close(self) -> None:
        self._over.set()

    def _listen(self) -> None:
        for changed in saved_python(self._root, self._over):
            if changed:
                self._saved.put(changed)


class CalledPython:
    """The files beside the callables. They are looked at only when somebody asks: the project's folder
    may be a large one, and what listens to all of it takes the watches that others need.
    """

    def __init__(self) -> None:
        self._folders: frozenset[Path] = frozenset()
        self._seen: dict[Path, int] = {}
        """Their files, and when each was changed, in nanoseconds."""

    def follow(self, root: Path, callables: Iterable[str]) -> None:
        """Of these, by dotted path. What a new one has beside it counts as imported from now on."""
        folders = frozenset(_folder_of(root, dotted) for dotted in callables)
        for folder in folders - self._folders:
            self._seen |= dict(_python_in(folder))
        self._folders = folders

    def saved(self) -> list[Path]:
        """What has changed since the last call. A new file is nothing that was imported before."""
        now = {path: at for folder in self._folders for path, at in _python_in(folder)}
        changed = [path for path, at in now.items() if self._seen.get(path, at) != at]
        self._seen = now
        return sorted(changed)


def _folder_of(root: Path, dotted: str) -> Path:
    folder = root
    for name in dotted.replace(":", ".").split("."):
        if not (folder / name).is_dir():
            break
        folder /= name
    return folder


def _python_in(folder: Path) -> Iterator[tuple[Path, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    yield Path(entry.path), entry.stat().st_mtime_ns
    except OSError:  # gone, or being replaced: the next look finds it
        return
