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


def is_allowed(path: str, patterns: Sequence[str]) -> bool:
    """Whether a dotted path may be loaded. No patterns: anything but Python's own modules."""
    if not patterns:
        return path.partition(".")[0] not in PYTHON_MODULES
    return any(_matches(path, pattern) for pattern in patterns)


def _matches(path: str, pattern: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return path == pattern
    *middle, last = rest
    if not path.startswith(first) or len(path) < len(first) + len(last) or not path.endswith(last):
        return False
    # Leftmost matches are enough for stars, and take linear time where a regex would backtrack.
    at, end = len(first), len(path) - len(last)
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
