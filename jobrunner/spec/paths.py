"""Dotted paths of callables and exception classes, and the patterns that allow them."""

import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from keyword import iskeyword

PYTHON_MODULES = sys.stdlib_module_names | {
    "_distutils_hack", "pip", "pkg_resources", "setuptools", "wheel",
}  # fmt: skip
"""First names of what comes with Python, its installers among them: `os.system` and its like."""

_PATTERN = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*(\.[A-Za-z0-9_*]+)*")


@lru_cache(maxsize=1024)  # many jobs call the same
def parse_task_path(text: str) -> str:
    """`acme.tasks:build` → `acme.tasks.build`. Raises ValueError with a sentence.

    At least `module.callable`; every part an identifier; no `__dunder__` hop, which would lead
    from a harmless object to the interpreter (`acme.tasks.build.__globals__`).
    """
    if text.count(":") > 1:
        raise ValueError(f"{text!r} has more than one colon; write 'package.module.callable'")
    path = text.replace(":", ".")
    _check_parts(text, path)
    if "." not in path:
        raise ValueError(
            f"{text!r} names no module; write the module too, for example 'app.tasks.{path}'"
        )
    return path


def parse_exception_path(text: str) -> str:
    """`TimeoutError` or `requests.exceptions.ConnectionError`. Raises ValueError with a sentence."""
    _check_parts(text, text)
    return text


def check_pattern(text: str) -> str:
    """A pattern of `allow.tasks`: a dotted path in which `*` stands for anything."""
    if not _PATTERN.fullmatch(text):
        raise ValueError(
            f"{text!r} is no pattern; write for example 'acme.*' or 'acme.tasks.build'"
        )
    return text


class Allowed:
    """The dotted paths that may be loaded, by the patterns of `allow.tasks`. No patterns: anything but
    Python's own modules.

    A large file asks for each of its tasks, and there may be a thousand patterns: they are looked up by
    what stands before their first star.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self._whole = {pattern for pattern in patterns if "*" not in pattern}
        self._behind: dict[str, list[list[str]]] = {}
        """What a path begins with → the other parts of each such pattern."""
        for pattern in self.patterns:
            first, *behind = pattern.split("*")
            if behind:
                self._behind.setdefault(first, []).append(behind)
        self._lengths = {len(first) for first in self._behind}

    def __contains__(self, path: str) -> bool:
        if not self.patterns:
            return path.partition(".")[0] not in PYTHON_MODULES
        return path in self._whole or any(
            _fits(path, length, behind)
            for length in self._lengths
            for behind in self._behind.get(path[:length], ())
        )


def is_allowed(path: str, patterns: Sequence[str]) -> bool:
    """Whether one dotted path may be loaded."""
    return path in Allowed(patterns)


def _fits(path: str, start: int, behind: Sequence[str]) -> bool:
    """Whether what follows `start` has the other parts of a pattern, with anything before each."""
    *middle, last = behind
    at, end = start, len(path) - len(last)
    if end < at or not path.endswith(last):
        return False
    # Leftmost matches are enough for stars, and take linear time where a regex would backtrack.
    for part in middle:
        found = path.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _check_parts(text: str, path: str) -> None:
    for part in path.split("."):
        if part == "<lambda>":
            raise ValueError(f"{text!r} is a lambda, which has no name to load it by; use a 'def'")
        if not part.isidentifier() or iskeyword(part):
            raise ValueError(
                f"{text!r} is no dotted path: {part!r} is no Python name; "
                "write 'package.module.callable'"
            )
        if part.startswith("__") and part.endswith("__"):
            raise ValueError(f"{text!r} goes through {part!r}; only ordinary names are loaded")
