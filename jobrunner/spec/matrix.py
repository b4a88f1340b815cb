"""`matrix`: one job of the files as several, one for each combination of values."""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from operator import is_
from typing import NamedTuple

from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.interpolation import Expanded, MatrixName, Pending, pending_in
from jobrunner.spec.keys import EXTENSION, shortened
from jobrunner.spec.models import NAME_PATTERN
from jobrunner.spec.report import Report
from jobrunner.spec.tree import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    as_written,
    is_null,
    kind,
)

MOST_COMBINATIONS = 1_000
_MOST_SHOWN = 1_000_000
"""The product of a thousand keys has more digits than Python writes."""
EXCLUDE = "exclude"

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IDENTITY = re.compile(NAME_PATTERN)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_EXAMPLE = "write for example matrix: {region: [eu, us]}"

Value = str | int | float | bool
Axes = dict[str, list[Scalar]]
_Identity = tuple[type, Value | None]


class Combination(NamedTuple):
    """One job of a matrix."""

    name: str
    """`sync-eu-small`: the key of the job, then the values by the alphabet of their own keys, whose order
    in the file is nothing that makes another job.
    """
    values: dict[str, Value]


def read_matrix(key: Scalar, entry: Entry, report: Report) -> list[Combination] | None:
    """The jobs that the job below `key` stands for; None after a mistake."""
    axes = _axes(entry, report)
    if axes is None:
        return None
    number = math.prod(len(scalars) for scalars in axes.values())
    if number > MOST_COMBINATIONS:
        many = f"{number:,}" if number < _MOST_SHOWN else f"more than {_MOST_SHOWN:,}"
        report.at(
            entry.key, "E236", f"this matrix makes {many} jobs; {MOST_COMBINATIONS:,} are the most",
            help="write several jobs, each with a part of the values",
        )  # fmt: skip
        return None
    excluded = _excluded(entry.value, axes, report)
    if excluded is None:
        return None
    left = _left(axes, excluded)
    if left:
        return _named(key, axes, left, report)
    report.at(entry.key, "E236", "'exclude' leaves no job of this matrix", help="exclude less")
    return None


def without_values(tree: Mapping) -> Mapping:
    """The same with a `matrix` of nothing: each job of one would look through all of its values."""
    entry = tree.entries.get("matrix")
    if entry is None:
        return tree
    nothing = Mapping({}, entry.key.line, entry.key.column, entry.key.source)
    return tree._replace(entries=tree.entries | {"matrix": entry._replace(value=nothing)})


def keys_to_fill(trees: Iterable[Mapping]) -> frozenset[str]:
    """The keys below which any of the trees has something that `fill_keys` replaces."""
    entries = (item for tree in trees for item in tree.entries.items())
    return frozenset(name for name, entry in entries if pending_in(entry.value))


def fill_keys(
    tree: Mapping, keys: Collection[str], values: dict[str, Value], report: Report
) -> Mapping:
    """The tree with each `${matrix.name}` below these keys replaced."""
    found = {key: tree.entries[key] for key in keys if key in tree.entries}
    filled = fill_mapping(tree._replace(entries=found), values, report).entries
    return tree._replace(entries=tree.entries | filled)


def fill(node: Node, values: dict[str, Value], report: Report) -> Node:
    """The node with each `${matrix.name}` replaced; what is wrong is reported, and stays pending."""
    if isinstance(node, Scalar):
        return _filled(node, values, report) if isinstance(node.value, Pending) else node
    if isinstance(node, Sequence):
        items = tuple([fill(item, values, report) for item in node.items])
        return node if all(map(is_, items, node.items)) else node._replace(items=items)
    return fill_mapping(node, values, report)


def fill_mapping(node: Mapping, values: dict[str, Value], report: Report) -> Mapping:
    """The same of a mapping; as it is where its file repeats too much already."""
    if not report.may_repeat(node.source.path):
        return node
    changed = {}
    for name, entry in node.entries.items():
        value = fill(entry.value, values, report)
        if value is not entry.value:
            changed[name] = Entry(entry.key, value)
    return node._replace(entries=node.entries | changed) if changed else node


def _axes(entry: Entry, report: Report) -> Axes | None:
    """Name → its values."""
    node = entry.value
    names = [] if not isinstance(node, Mapping) else list(_entries_of_axes(node))
    if not names:
        report.at(
            entry.key if is_null(node) else node, "E236", "a matrix is a mapping of names to lists",
            help=_EXAMPLE,
        )  # fmt: skip
        return None
    found = {str(one.key.value): _values(one, report) for one in names}
    axes = {name: scalars for name in sorted(found) if (scalars := found[name]) is not None}
    return axes if len(axes) == len(found) else None


def _entries_of_axes(matrix: Mapping) -> Iterator[Entry]:
    for name, entry in matrix.entries.items():
        if name != EXCLUDE and not name.startswith(EXTENSION):
            yield entry


def _values(entry: Entry, report: Report) -> list[Scalar] | None:
    name, node = str(entry.key.value), entry.value
    if not _KEY.fullmatch(name):
        report.at(
            entry.key, "E236", f"'${{matrix.{shortened(name)}}}' could not name this",
            help="write letters, digits and '_', a letter first",
        )  # fmt: skip
        return None
    if not (isinstance(node, Sequence) and node.items):
        what = "an empty list" if isinstance(node, Sequence) else kind(node)
        report.at(
            entry.key if is_null(node) else node, "E236",
            f"'{shortened(name)}' of a matrix takes a list of values, not {what}",
            help=f"write {name}: [{_text(node.value)}]" if isinstance(node, Scalar) else _EXAMPLE,
        )  # fmt: skip
        return None
    wrong = [item for item in node.items if not isinstance(item, Scalar) or item.value is None]
    for item in wrong:
        report.at(
            item, "E236", f"a value of a matrix is a text or a number, not {kind(item)}", help=_EXAMPLE
        )  # fmt: skip
    scalars = [item for item in node.items if isinstance(item, Scalar)]
    unlike = [item for item in scalars if _loses_digits(item)]
    for item in unlike:
        written, read = as_written(item), _text(item.value)
        report.at(
            item, "E236", f"{written} is the number {read}, and would be written so in names and texts",
            help=f'write "{written}" in quotes, or {read}',
        )  # fmt: skip
    return None if wrong or unlike else scalars


def _loses_digits(node: Scalar) -> bool:
    """The versions 3.1 and 3.10 are one number."""
    is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return is_number and as_written(node) != _text(node.value)


def _excluded(matrix: Node, axes: Axes, report: Report) -> list[dict[str, _Identity]] | None:
    """The combinations that `exclude` names, some by a part of their values; None after a mistake."""
    node = matrix.get(EXCLUDE) if isinstance(matrix, Mapping) else None
    if node is None or is_null(node):
        return []
    if not isinstance(node, Sequence):
        report.at(
            node, "E236", f"'exclude' takes a list of mappings, not {kind(node)}",
            help="write for example exclude: [{region: us, size: large}]",
        )  # fmt: skip
        return None
    known = {name: set(map(_identity, scalars)) for name, scalars in axes.items()}
    excluded = [_one_excluded(item, axes, known, report) for item in node.items]
    good = [one for one in excluded if one is not None]
    return good if len(good) == len(excluded) else None


def _one_excluded(
    item: Node, axes: Axes, known: dict[str, set[_Identity]], report: Report
) -> dict[str, _Identity] | None:
    if not isinstance(item, Mapping) or not item.entries:
        report.at(
            item, "E236", f"'exclude' takes a list of mappings, not of {kind(item)}",
            help="write for example exclude: [{region: us, size: large}]",
        )  # fmt: skip
        return None
    found = {}
    for name, (key, value) in item.entries.items():
        if name not in axes:
            guess = did_you_mean(name, tuple(axes))
            report.at(
                key, "E236", f"the matrix has no '{shortened(name)}'",
                help=f"did you mean '{guess}'?" if guess else f"it has: {listed(axes)}",
            )  # fmt: skip
        elif isinstance(value, Scalar) and _identity(value) in known[name]:
            found[name] = _identity(value)
        else:
            first = ", ".join(_text(one.value) for one in axes[name][:10])
            report.at(value, "E236", f"this is no value of '{name}'", help=f"it has: {first}")
    return found if len(found) == len(item.entries) else None


def _left(axes: Axes, excluded: list[dict[str, _Identity]]) -> list[tuple[Scalar, ...]]:
    """The combinations that none of `excluded` names: looked up by the values of the keys that vary, of
    which there are few, for a file may name tens of thousands.
    """
    varied = [name for name, scalars in axes.items() if len(scalars) > 1]
    named: dict[tuple[str, ...], set[tuple[_Identity, ...]]] = {}
    for one in excluded:
        names = tuple(name for name in varied if name in one)
        named.setdefault(names, set()).add(tuple(one[name] for name in names))
    return [
        combination
        for combination in product(*axes.values())
        if not _is_excluded(dict(zip(axes, map(_identity, combination), strict=True)), named)
    ]


def _is_excluded(
    values: dict[str, _Identity], named: dict[tuple[str, ...], set[tuple[_Identity, ...]]]
) -> bool:
    return any(tuple(values[name] for name in names) in those for names, those in named.items())


def _identity(scalar: Scalar) -> _Identity:
    """Two values that are the same have it in common: 1, 1.0, true and '1' are four."""
    return type(scalar.value), scalar.value


def _named(
    key: Scalar, axes: Axes, combinations: list[tuple[Scalar, ...]], report: Report
) -> list[Combination] | None:
    """Each with its identity, or None: one that is no name, or the same twice, is reported."""
    found: dict[str, tuple[Scalar, ...]] = {}
    good = True
    for scalars in combinations:
        words = [_NOT_IN_NAMES.sub("-", _text(one.value).lower()).strip("-._") for one in scalars]
        name = "-".join([str(key.value), *words])
        nameless = [one for one, word in zip(scalars, words, strict=True) if not word]
        if nameless or not _IDENTITY.fullmatch(name):
            _report_no_name(name, nameless, scalars, report)
            good = False
        elif name in found:
            _report_twice(name, scalars, found[name], report)
            good = False
        found.setdefault(name, scalars)
    if not good:
        return None
    return [
        Combination(name, {axis: _value(one) for axis, one in zip(axes, scalars, strict=True)})
        for name, scalars in found.items()
    ]


def _report_no_name(
    name: str, nameless: list[Scalar], scalars: tuple[Scalar, ...], report: Report
) -> None:
    if nameless:
        report.at(
            nameless[0], "E236", f"no name of a job can be made of '{_text(nameless[0].value)}'",
            help="write a value with letters or digits",
        )  # fmt: skip
    else:
        report.at(
            scalars[-1], "E236", f"'{shortened(name)}' cannot be the name of a job",
            help="names have at most 100 characters: write a shorter value",
        )  # fmt: skip


def _report_twice(
    name: str, scalars: tuple[Scalar, ...], first: tuple[Scalar, ...], report: Report
) -> None:
    other = next(
        (one for one, old in zip(scalars, first, strict=True) if one is not old), scalars[0]
    )
    report.at(
        other, "E401", f"this makes the job '{shortened(name)}' a second time",
        help="write values of which the names differ, or remove one",
        notes=tuple(
            f"first by {_text(old.value)} at {old.source.path}:{old.line}:{old.column}"
            for one, old in zip(scalars, first, strict=True)
            if one is not old
        ),
    )  # fmt: skip


def _filled(node: Scalar, values: dict[str, Value], report: Report) -> Scalar:
    pending = node.value
    assert isinstance(pending, Pending)  # noqa: S101  told by the caller
    parts = pending.parts
    if len(parts) == 1 and isinstance(parts[0], MatrixName) and parts[0].name in values:
        value = values[parts[0].name]  # the common one: there may be a million
        return _scalar(value if pending.is_data else Expanded(_text(value)), node)
    unknown = [
        part.name for part in parts if isinstance(part, MatrixName) and part.name not in values
    ]
    if unknown and report.takes(node, "E231"):
        for name in unknown:
            guess = did_you_mean(name, tuple(values))
            report.at(
                node, "E231", f"the job's matrix has no '{shortened(name)}'",
                help=f"did you mean '{guess}'?" if guess else f"it has: {listed(values)}",
            )  # fmt: skip
    if unknown or None in parts:
        return node
    texts = [_text(values[p.name]) if isinstance(p, MatrixName) else str(p) for p in parts]
    return _scalar("".join(texts), node)


def _scalar(value: Value, place: Scalar) -> Scalar:
    """`place._replace(value=value)` in a third of its time: there may be a million."""
    return Scalar(value, place.line, place.column, place.width, place.source)


def _value(scalar: Scalar) -> Value:
    assert scalar.value is not None  # noqa: S101  nothing is no value of a matrix
    return scalar.value


def _text(value: Value | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
