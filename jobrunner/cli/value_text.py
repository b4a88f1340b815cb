"""Values of a definition in one line, and what differs between two of them."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from jobrunner.cli.style import cut
from jobrunner.plan.changes import FieldChange
from jobrunner.plan.digest import canonical_json
from jobrunner.spec.durations import DURATION_PATTERN
from jobrunner.spec.secrets import in_words, shown
from jobrunner.wording.foreign_text import one_line

VALUE_COLUMNS = 60
_DIFFERENCE_COLUMNS = 160
_DURATION = re.compile(DURATION_PATTERN)
_as_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
_PREFIX_KEPT = 12
"""Characters before the first that differs, of two long texts."""


def value_text(value: Any) -> str:
    """As in YAML: `"eu"`, `25m`, `[1, 2]`, `(secret env:KEY)`; a long one is cut."""
    return _text_of_text(value) if isinstance(value, str) else cut(_whole(value), VALUE_COLUMNS)


@lru_cache(maxsize=4096)
def _text_of_text(value: str) -> str:
    """The jobs of a project have the same few queues, owners and durations."""
    return cut(_whole(value), VALUE_COLUMNS)


def difference_text(field: FieldChange) -> str:
    """`"eu" -> "us"`; of long values only what differs, with … for what is left out."""
    if field.kind == "added" or (field.old is None and not _is_argument(field.path)):
        return f"+ {value_text(field.new)}"
    if field.kind == "removed" or (field.new is None and not _is_argument(field.path)):
        return f"- {value_text(field.old)}"
    return _changed(field.old, field.new)


def _is_argument(path: str) -> bool:
    """There `null` is a value; elsewhere it stands for a key that is not given."""
    return not {"args", "kwargs"}.isdisjoint(path.split("."))


def _whole(value: Any) -> str:
    if isinstance(value, str) and _DURATION.match(value):
        return value
    return one_line(in_words(value) or _as_json(shown(value)))


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
        gone = [value_text(item) for item in old[old_from:old_to]]
        come = [value_text(item) for item in new[new_from:new_to]]
        for before, after in zip_longest(gone, come):
            if before is None:
                yield f"+ {after}"
            elif after is None:
                yield f"- {before}"
            else:
                yield f"{before} -> {after}"
