"""The modules of the tasks, parsed once each."""

import ast
import importlib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from jobrunner.source.bindings import Names, names_of
from jobrunner.source.files import FoundModule, ModuleFinder

LARGEST_SOURCE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Module:
    """A module whose source could be read."""

    name: str
    file: Path
    is_package: bool
    names: Names

    def absolute(self, imported: str) -> str | None:
        """`.books` in `billing.tasks` is `billing.books`; None for one above the top."""
        level = len(imported) - len(imported.lstrip("."))
        if level == 0:
            return imported
        parts = self.name.split(".")
        kept = parts[: len(parts) - level + self.is_package]
        return ".".join([*kept, imported[level:]]).rstrip(".") if kept else None


@dataclass(frozen=True, slots=True)
class Broken:
    """A module that is no Python."""

    file: Path
    line: int
    problem: str


class Modules:
    """Finds modules as a worker would that is started in `root`, and keeps what it has read."""

    def __init__(self, root: Path) -> None:
        importlib.invalidate_caches()  # a module may have been written a moment ago
        self._finder = ModuleFinder([str(root), *(path for path in sys.path if path)])
        self._read: dict[str, Module | Broken | None] = {}

    def find(self, dotted: str) -> FoundModule | None:
        """The longest beginning of a path that is a module; None when not even its first name is."""
        return self._finder.find(dotted)

    def read(self, found: FoundModule) -> Module | Broken | None:
        """What its source says; None when there is none, or none that can be read."""
        if found.name not in self._read:
            self._read[found.name] = _read(found)
        return self._read[found.name]


def _read(found: FoundModule) -> Module | Broken | None:
    file = found.file
    if file is None:
        return None
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_SOURCE_BYTES:
            return None
        content = file.read_bytes()
    except OSError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that is no longer one is not our concern
            tree = ast.parse(content, str(file))
    except SyntaxError as error:
        return Broken(file, error.lineno or 1, error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return Broken(file, 1, str(error) or "it is nested too deeply")
    names = names_of(content.decode(errors="replace"), tree)
    return Module(found.name, file, found.is_package, names)
