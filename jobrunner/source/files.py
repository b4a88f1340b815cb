"""Where a module's source lies: found as an import would find it, and nothing is imported."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_SUFFIX = ".py"


@dataclass(frozen=True, slots=True)
class FoundModule:
    """The longest beginning of a dotted path that is a module."""

    name: str
    file: Path | None
    """None: a folder without `__init__.py`, or a module that has no source."""
    is_folder: bool
    """Only a folder: nothing can stand in it but modules."""
    folders: tuple[str, ...]
    """Where the modules below it lie; () for what is no package."""
    rest: tuple[str, ...]
    """What follows in the path."""

    @property
    def is_package(self) -> bool:
        """Whether modules can lie below it."""
        return bool(self.folders)


class ModuleFinder:
    """Looks for each module once."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._search_path = search_path
        self._specs: dict[str, ModuleSpec | None] = {}

    def find(self, dotted: str) -> FoundModule | None:
        """None when there is not even a module of the path's first name."""
        names = dotted.split(".")
        found = next(
            (at for at in range(1, len(names) + 1) if self._spec(names[:at]) is None),
            len(names) + 1,
        )
        spec = self._spec(names[: found - 1])
        if spec is None:
            return None
        is_source = spec.has_location and str(spec.origin).endswith(_SUFFIX)
        return FoundModule(
            name=".".join(names[: found - 1]),
            file=Path(str(spec.origin)) if is_source else None,
            is_folder=spec.origin is None,
            folders=tuple(_folders(spec)),
            rest=tuple(names[found - 1 :]),
        )

    def _spec(self, names: Sequence[str]) -> ModuleSpec | None:
        if not names:
            return None
        dotted = ".".join(names)
        if dotted not in self._specs:
            self._specs[dotted] = self._look(names)
        return self._specs[dotted]

    def _look(self, names: Sequence[str]) -> ModuleSpec | None:
        if len(names) == 1:
            return PathFinder.find_spec(names[0], self._search_path) or _from_other_finders(
                names[0]
            )
        above = self._spec(names[:-1])
        folders = [] if above is None else _folders(above)
        # By its last name alone: a dotted one would look for its parent among imported modules.
        return PathFinder.find_spec(names[-1], folders) if folders else None


def modules_in(folders: Sequence[str]) -> Iterator[str]:
    """The names of modules and packages that lie in these folders."""
    for folder in map(Path, folders):
        if not folder.is_dir():
            continue
        for entry in folder.iterdir():
            name = entry.name.removesuffix(_SUFFIX)
            is_module = entry.suffix == _SUFFIX or (entry / "__init__.py").exists()
            if is_module and name.isidentifier() and not name.startswith("__"):
                yield name


def _from_other_finders(name: str) -> ModuleSpec | None:
    """An editable installation may have a finder of its own."""
    found = (finder.find_spec(name, None) for finder in sys.meta_path if finder is not PathFinder)
    return next((spec for spec in found if spec is not None), None)


def _folders(spec: ModuleSpec) -> list[str]:
    return list(spec.submodule_search_locations or ())
