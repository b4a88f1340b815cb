"""Which lines of a text may hold what nobody shall see, told from the text alone: a mistake can be so
early that there is no tree.
"""

import re
from collections.abc import Collection, Iterator, Sequence

_NAMES = re.compile(
    r"""\bsensitive["']?[ \t]*:[ \t]*(\[[^][]*\]|(?:(?:\#[^\n#]*+)?\n[ \t]*-[^\n]*)+)"""
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_KEY = re.compile(r"""(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*+)["']?[ \t]*+:(?=[\s"'\[{]|$)""")
_INDENT = re.compile(r"[ -]*")


def sensitive_lines(lines: Sequence[str]) -> frozenset[int]:
    """The numbers, from 1, of those that give a value to an argument that any `sensitive` of the text
    names, with the deeper lines that go on with it.
    """
    names = {
        name for found in _NAMES.finditer("\n".join(lines)) for name in _NAME.findall(found[1])
    }
    if not names:
        return frozenset()
    return frozenset(_with_values(lines, names))


def _with_values(lines: Sequence[str], names: Collection[str]) -> Iterator[int]:
    above: int | None = None
    for number, line in enumerate(lines, start=1):
        indent = _indent(line)
        if any(found[1] in names for found in _KEY.finditer(line)):
            above = indent
        elif above is not None and line.strip() and indent <= above:
            above = None
        if above is not None:
            yield number


def _indent(line: str) -> int:
    found = _INDENT.match(line)
    return 0 if found is None else found.end()
