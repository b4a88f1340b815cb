"""`VITE_APP_…` in built assets, replaced by the values of the place where they are served."""

import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path

_PLACEHOLDER = re.compile(r"VITE_APP_[A-Z0-9_]+")
_PLAIN = re.compile(r"[A-Za-z0-9 _.:/@,+-]")
"""What means nothing but itself in a text of JavaScript, whatever its quotes are."""


class MissingValue(LookupError):
    """An asset names a value that the environment does not have."""


def fill_folder(source: Path, copy: Path, values: Mapping[str, str]) -> int:
    """Copy all files, with values for placeholders; how many there were. Raises MissingValue."""
    filled = 0
    for file in (path for path in source.rglob("*") if path.is_file()):
        target = copy / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        written = _WRITTEN.get(file.suffix)
        if written is None:
            target.write_bytes(file.read_bytes())
            continue
        content, count = _fill(file, values, written)
        target.write_text(content, encoding="utf-8")
        filled += count
    return filled


def _fill(file: Path, values: Mapping[str, str], written: Callable[[str], str]) -> tuple[str, int]:
    def value_of(placeholder: re.Match[str]) -> str:
        name = placeholder.group()
        if name not in values:
            raise MissingValue(f"{file.name} asks for {name}, which is not set. Set it.")
        return written(values[name])

    return _PLACEHOLDER.subn(value_of, file.read_text(encoding="utf-8"))


def _in_script(value: str) -> str:
    """Within a text, in quotes of any kind: a value can neither end it nor be code in it."""
    return "".join(one if _PLAIN.fullmatch(one) else _escaped(one) for one in value)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


_WRITTEN: Mapping[str, Callable[[str], str]] = {
    ".html": html.escape,
    ".js": _in_script,
}
"""How a value is written into a file of that kind; others have no placeholders."""
