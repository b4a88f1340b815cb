"""Hears that something near the files may have changed. A lost event costs one resync, no more.

Two threads: one for the few folders whose own entries matter (the root, what holds it), one for
everything below the folders that the project includes. Both begin anew when a folder is removed and
made again, or a link leads elsewhere: an operating system's watch stays with what it was put on.
"""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import watchfiles

from jobrunner.errors import first_line

_LOOK_AFTER_MILLISECONDS = 500
_GATHER_MILLISECONDS = 200
_STEP_MILLISECONDS = 50
_BUSY_FOLDERS = frozenset(
    {".git", ".jobrunner", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".tox"}
)
"""Other programs write into them all the time, hardly ever YAML."""
_YAML_SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Watched:
    """Where changes are listened for."""

    root: Path
    """Below it, only YAML is heard of in folders where other programs write; above it all is."""
    flat: frozenset[Path]
    """Folders whose own entries matter."""
    deep: frozenset[Path]
    """Folders of which everything matters."""


class Hints:
    """Two listening threads and a flag. `problem` says why they had to give up, '' while they listen."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        """May be exchanged at any time."""
        self.problem = ""
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=(folders, recursive), daemon=True)
            for folders, recursive in ((self._flat, False), (self._deep, True))
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until something may have changed; False when the time ran out."""
        changed = self._changed.wait(timeout_seconds)
        self._changed.clear()
        return changed

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2.0)

    def _flat(self) -> frozenset[Path]:
        return self.watched.flat

    def _deep(self) -> frozenset[Path]:
        return self.watched.deep

    def _listen(self, folders: Callable[[], frozenset[Path]], recursive: bool) -> None:  # noqa: FBT001  a thread's target
        while not self._stop.is_set():
            identities = _identities(folders())
            if not identities:
                self._stop.wait(_LOOK_AFTER_MILLISECONDS / 1000)
                if _identities(folders()):
                    self._changed.set()
                continue
            try:
                self._listen_to(folders, identities, recursive=recursive)
            except FileNotFoundError:
                self._changed.set()  # gone between the look and the watch
            except (OSError, RuntimeError) as error:  # no more watches to be had, a closed folder
                self.problem = first_line(error)
                self._changed.set()
                return

    def _listen_to(
        self,
        folders: Callable[[], frozenset[Path]],
        identities: dict[Path, tuple[int, int]],
        *,
        recursive: bool,
    ) -> None:
        """Until the folders are others than those the watch was put on."""
        for changes in watchfiles.watch(
            *identities,
            watch_filter=lambda _, path: self._may_matter(Path(path)),
            debounce=_GATHER_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            stop_event=self._stop,
            rust_timeout=_LOOK_AFTER_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=recursive,
            # To ignore these would make it ignore that there are no more watches to be had, too.
            ignore_permission_denied=False,
        ):
            if changes:
                self._changed.set()
            if _identities(folders()) != identities:
                self._changed.set()
                return

    def _may_matter(self, path: Path) -> bool:
        """Only what is below the root is judged by its name: the root itself may be called `.venv`."""
        root = self.watched.root
        if not path.is_relative_to(root):
            return path in {root.parent, root} or any(
                path.is_relative_to(folder.resolve()) for folder in self.watched.deep
            )
        if path.suffix in _YAML_SUFFIXES:
            return True
        return not _BUSY_FOLDERS & set(path.relative_to(root).parent.parts)


def _identities(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """The folders that can be listened to, each with what tells it from another of the same name."""
    found = {}
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            continue
        if not os.access(folder, os.R_OK):
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found
