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
    is_package: bool
    modules: tuple[str, ...]
    """The names of the modules below a package."""
    rest: tuple[str, ...]
    """What follows in the path."""


def find_module(dotted: str, search_path: Sequence[str]) -> FoundModule | None:
    """None when there is not even a module of the path's first name."""
    first, *names = dotted.split(".")
    spec = PathFinder.find_spec(first, search_path) or _from_other_finders(first)
    if spec is None:
        return None
    at = 0
    for name in names:
        # By its last name alone: a dotted one would look for its parent among imported modules.
        below = PathFinder.find_spec(name, _folders(spec)) if _folders(spec) else None
        if below is None:
            break
        spec, at = below, at + 1
    is_source = spec.has_location and str(spec.origin).endswith(_SUFFIX)
    return FoundModule(
        name=".".join((first, *names[:at])),
        file=Path(str(spec.origin)) if is_source else None,
        is_folder=spec.origin is None,
        is_package=bool(_folders(spec)),
        modules=tuple(modules_in(_folders(spec))),
        rest=tuple(names[at:]),
    )


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
