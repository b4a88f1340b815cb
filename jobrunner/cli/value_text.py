"""Values of a definition in one line, and what differs between two of them."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from jobrunner.cli.style import cut
from jobrunner.plan.changes import FieldChange
from jobrunner.plan.digest import canonical_json
from jobrunner.spec.durations import DURATION_PATTERN
from jobrunner.spec.secrets import in_words
from jobrunner.wording.foreign_text import one_line

VALUE_COLUMNS = 60
_DIFFERENCE_COLUMNS = 160
_DURATION = re.compile(DURATION_PATTERN)
_as_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
_PREFIX_KEPT = 12
"""Characters before the first that differs, of two long texts."""


def value_text(value: Any, path: str = "") -> str:
    """As in YAML: `"eu"`, `25m`, `[1, 2]`, `(secret env:KEY)`; a long one is cut. `path` is its field's."""
    if isinstance(value, str):
        return _text_of_text(value)
    return cut(_whole(_given(value, path)), VALUE_COLUMNS)


@lru_cache(maxsize=4096)
def _text_of_text(value: str) -> str:
    """The jobs of a project have the same few queues, owners and durations."""
    return cut(_whole(value), VALUE_COLUMNS)


def difference_text(field: FieldChange) -> str:
    """`"eu" -> "us"`; of long values only what differs, with … for what is left out."""
    if field.kind == "added" or (field.old is None and not _is_argument(field.path)):
        return f"+ {value_text(field.new, field.path)}"
    if field.kind == "removed" or (field.new is None and not _is_argument(field.path)):
        return f"- {value_text(field.old, field.path)}"
    return _changed(_given(field.old, field.path), _given(field.new, field.path))


def _given(value: Any, path: str) -> Any:
    """Alerts without what they do not give; in an argument a null says something."""
    if path != "alerts" or not isinstance(value, list | tuple):
        return value
    return [{key: item for key, item in alert.items() if item is not None} for alert in value]


def _is_argument(path: str) -> bool:
    """There `null` is a value; elsewhere it stands for a key that is not given."""
    return not {"args", "kwargs"}.isdisjoint(path.split("."))


def _whole(value: Any) -> str:
    return one_line(_as_written(value))


def _as_written(value: Any) -> str:
    """As a file may have it on one line, with `(sensitive)` for what is sealed."""
    if (named := in_words(value)) is not None:
        return named
    match value:
        case dict():
            return f"{{{', '.join(_entry(key, item) for key, item in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_as_written, value))}]"
        case str() if _DURATION.match(value):
            return value
        case _:
            return _as_json(value)


def _entry(key: str, value: Any) -> str:
    return f"{_key(key)}: {_as_written(value)}"


def _key(key: str) -> str:
    return key if key.replace("-", "_").isidentifier() else _as_json(key)


def _changed(old: Any, new: Any) -> str:
    before, after = _whole(old), _whole(new)
    if max(len(before), len(after)) <= VALUE_COLUMNS:
        return f"{before} -> {after}"
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return cut(f"[{', '.join(_items(old, new))}]", _DIFFERENCE_COLUMNS)
    left_out = _same_beginning(before, after) - _PREFIX_KEPT
    if left_out > _PREFIX_KEPT:
        before, after = f"…{before[left_out:]}", f"…{after[left_out:]}"
    return f"{cut(before, VALUE_COLUMNS)} -> {cut(after, VALUE_COLUMNS)}"


def _same_beginning(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _items(old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    """What differs of two lists, item by item."""
    a, b = list(map(canonical_json, old)), list(map(canonical_json, new))
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, a, b, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            yield "…"
            continue
        gone, come = old[old_from:old_to], new[new_from:new_to]
        for before, after in zip(gone, come, strict=False):
            yield _item(before, after)
        yield from (f"- {value_text(item)}" for item in gone[len(come) :])
        yield from (f"+ {value_text(item)}" for item in come[len(gone) :])


def _item(before: Any, after: Any) -> str:
    """Of two mappings with the same keys only the values that differ, and beside them the short ones."""
    if not (isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys()):
        return f"{value_text(before)} -> {value_text(after)}"
    parts = []
    for key, old in before.items():
        told, new = _whole(old), _whole(after[key])
        if told != new:
            parts.append(f"{_key(key)}: {cut(told, VALUE_COLUMNS)} -> {cut(new, VALUE_COLUMNS)}")
        elif len(told) <= _PREFIX_KEPT:
            parts.append(f"{_key(key)}: {told}")
    return f"{{{', '.join(parts)}}}"
