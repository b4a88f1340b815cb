"""What a job starts from, layer over layer: defaults, then templates, then the job itself."""

from collections.abc import Callable
from typing import NamedTuple

from jobrunner.spec.interpolation import Expanded, Pending
from jobrunner.spec.models import RULES
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, merge

_SHORTHANDS = {"retry": "max_retries", "catch_up": "policy"}
_SCHEDULES = ("schedule", "schedules")
_ONLY_WITH = {
    "anchor": ("every",),
    "dtstart": ("rrule",),
    "exdate": ("rrule",),
    "rdate": ("rrule",),
    "EXDATE": ("rrule",),
    "RDATE": ("rrule",),
    "dst": ("cron", "rrule"),
}
"""Key of a schedule → the rules that it belongs to."""


class Layer(NamedTuple):
    """One place that gives values to a job."""

    name: str
    """`project defaults`, `environment prod`, `file defaults`, `template sync`, `job`."""
    tree: Mapping

    @property
    def is_of_job(self) -> bool:
        """Not of defaults, which nobody chose for this job."""
        return self.name == "job" or self.name.startswith("template ")


class Layers(NamedTuple):
    """Some of them, the lowest first."""

    each: tuple[Layer, ...] = ()
    merged: Mapping | None = None

    def over(self, layer: Layer) -> "Layers":
        """With one more on top."""
        return Layers((*self.each, layer), merge_job(self.merged, layer.tree))

    def each_by(self, change: Callable[[Mapping], Mapping]) -> "Layers":
        """With this change made to each of them, and to what they are together."""
        each = tuple(Layer(layer.name, change(layer.tree)) for layer in self.each)
        if len(each) == 1:
            return Layers(each, each[0].tree)
        return Layers(each, self.merged and change(self.merged))

    def of_job(self) -> Mapping:
        """What the job and its templates say, without any defaults."""
        own = None
        for layer in self.each:
            if layer.is_of_job:
                own = merge_job(own, layer.tree)
        return self.each[-1].tree if own is None else own


def merge_job(base: Mapping | None, over: Mapping) -> Mapping:
    """`tree.merge` of two layers. Of schedules there is one kind, and in each schedule one rule: what
    the upper layer gives takes the place of what it could not stand beside.
    """
    if base is None:
        return over
    lower = {name for name in _SCHEDULES if name in base.entries}
    upper = {name for name in _SCHEDULES if name in over.entries}
    if lower and upper:
        base = base.without(*(lower - upper))
        over = over.without(*(name for name in upper - lower if is_null(over.get(name))))
        for name in lower & upper:
            entry = base.entries[name]
            kept = entry._replace(value=_beside(name, entry.value, over.entries[name].value))
            base = base._replace(entries=base.entries | {name: kept})
    return merge(base, over)


def written_out(tree: Mapping) -> Mapping:
    """Shorthands as the mappings they stand for, before anything is merged: `retry: 3`,
    `catch_up: all`, and a schedule that is a cron expression.
    """
    entries = tree.entries
    for key, field in _SHORTHANDS.items():
        entry = entries.get(key)
        if entry is not None and _is_shorthand(key, entry.value):
            entries = entries | {key: _wrapped(entry, field)}
    one, many = entries.get("schedule"), entries.get("schedules")
    if one is not None and _is_text(one.value):
        entries = entries | {"schedule": _wrapped(one, "cron")}
    if many is not None and isinstance(many.value, Mapping):
        written = {name: _written_schedule(entry) for name, entry in many.value.entries.items()}
        entries = entries | {"schedules": many._replace(value=many.value._replace(entries=written))}
    return tree if entries is tree.entries else tree._replace(entries=entries)


def _is_shorthand(key: str, node: Node) -> bool:
    if not isinstance(node, Scalar):
        return False
    if key == "retry":
        is_number = isinstance(node.value, int) and not isinstance(node.value, bool)
        return is_number or isinstance(node.value, Expanded | Pending)
    return isinstance(node.value, str)


def _written_schedule(entry: Entry) -> Entry:
    return _wrapped(entry, "cron") if _is_text(entry.value) else entry


def _is_text(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str)


def _wrapped(entry: Entry, field: str) -> Entry:
    node = entry.value
    assert isinstance(node, Scalar)  # noqa: S101  told by the callers
    return Entry(
        entry.key, Mapping({field: Entry(node, node)}, node.line, node.column, node.source)
    )


def _beside(kind: str, lower: Node, upper: Node) -> Node:
    """What stays of the lower layer's `schedule` or `schedules`."""
    if not (isinstance(lower, Mapping) and isinstance(upper, Mapping)):
        return lower
    if kind == "schedule":
        return _without_other_rules(lower, upper)
    entries = {
        name: entry._replace(value=_beside("schedule", entry.value, upper.entries[name].value))
        if name in upper.entries
        else entry
        for name, entry in lower.entries.items()
    }
    return lower._replace(entries=entries)


def _without_other_rules(lower: Mapping, upper: Mapping) -> Mapping:
    given = [rule for rule in RULES if not is_null(upper.get(rule))]
    if not given:
        return lower
    rules = [rule for rule in RULES if rule not in given]
    bound = [key for key, needed in _ONLY_WITH.items() if not {*needed} & {*given}]
    return lower.without(*rules, *bound)
