"""Where each value of a job comes from: which layer, which line, and what it took the place of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobrunner.spec.celery_task import fixed_keys
from jobrunner.spec.inheritance import Layer
from jobrunner.spec.keys import KEYS
from jobrunner.spec.models import Location, dump_job
from jobrunner.spec.parse import TracedJob
from jobrunner.spec.secrets import hidden, reference_of
from jobrunner.spec.tree import Mapping, Node, Scalar, is_null, plain

BUILT_IN = "built-in"

_NO_VALUES = frozenset({"extends", "matrix"})
_NO_DEFAULTS = frozenset({"namespace", "name", "schedules", "celery"})


@dataclass(frozen=True, slots=True)
class Source:
    """A layer that gives a field, and the value that it gives."""

    layer: str
    """`job`, `template sync`, `file defaults`, `environment prod`, `project defaults`, `built-in`."""
    value: Any
    """As JSON; what nobody may see is hidden."""
    location: Location | None
    """None for what is built in."""
    written: str = ""
    """The text in the file where the value was put into it: `${BUCKET}`; else ''."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One field of a job, with the layer whose value is in force."""

    field: str
    """As it is nested in the files: `retry.delay`, `schedule.cron`."""
    source: Source
    replaced: tuple[Source, ...]
    """What lower layers give, the nearest first."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        replaced = [_source_as_json(source) for source in self.replaced]
        return {"field": self.field, **_source_as_json(self.source), "replaced": replaced}


def origins_of(traced: TracedJob) -> tuple[Origin, ...]:
    """Every value of the job: those that are written, in the order of the reference, then those that are
    built in.
    """
    merged = traced.layers.merged
    assert merged is not None  # noqa: S101  a job has a layer of its own
    if traced.job.spec.celery_task is not None:
        merged = merged.without(*fixed_keys(traced.layers.of_job()))
    written = [
        _origin(path, traced)
        for key in KEYS["a job"]
        if key in merged.entries and key not in _NO_VALUES and not is_null(merged.get(key))
        for path in _leaves((key,), merged.entries[key].value)
    ]
    gated = [one for one in written if one.field == "enabled"]
    if traced.environment is not None and traced.environment.gate is not None:
        written = [one for one in written if one not in gated]
        written.append(_gated(traced.environment.gate, str(traced.environment.key.value), gated))
    known = {one.field for one in written}
    return (*written, *(one for one in _built_in(traced) if one.field not in known))


def _leaves(path: tuple[str, ...], node: Node) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, Mapping) or not node.entries or reference_of(plain(node)) is not None:
        yield path
        return
    for name, entry in node.entries.items():
        yield from _leaves((*path, name), entry.value)


def _origin(path: tuple[str, ...], traced: TracedJob) -> Origin:
    sensitive = traced.job.spec.sensitive
    given = [
        _source(layer, node, path, sensitive)
        for layer in reversed(traced.layers.each)
        if (node := _node_at(layer, path)) is not None
    ]
    source, *replaced = given
    return Origin(".".join(path), source, tuple(replaced))


def _node_at(layer: Layer, path: tuple[str, ...]) -> Node | None:
    node: Node | None = layer.tree
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _source(layer: Layer, node: Node, path: tuple[str, ...], sensitive: tuple[str, ...]) -> Source:
    # `schedule` is the field `schedules.default` with another name, and hidden like it.
    full = ("schedules", "default", *path[1:]) if path[0] == "schedule" else path
    value = plain(node)
    shown = hidden(full, value, sensitive)
    location = Location(file=node.source.path, line=node.line, column=node.column)
    return Source(layer.name, shown, location, _written(node) if shown == value else "")


def _written(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    text = node.source.line(node.line)[node.column - 1 :][: node.width].strip("'\"")
    return text if "${" in text and text != node.value else ""


def _gated(gate: Scalar, environment: str, own: list[Origin]) -> Origin:
    location = Location(file=gate.source.path, line=gate.line, column=gate.column)
    replaced = tuple(source for one in own for source in (one.source, *one.replaced))
    source = Source(f"environment {environment}", value=False, location=location)
    return Origin("enabled", source, replaced)


def _built_in(traced: TracedJob) -> Iterator[Origin]:
    """What nobody wrote and has a value all the same."""
    values = dump_job(traced.job.spec) | {"timezone": "UTC"}
    for key, value in values.items():
        if key in _NO_DEFAULTS:
            continue
        for path, one in _leaves_of_json((key,), value):
            if one not in (None, "", [], {}):
                yield Origin(".".join(path), Source(BUILT_IN, one, None), ())


def _leaves_of_json(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    # Of arguments nothing is built in.
    if path in (("args",), ("kwargs",)):
        return
    if not isinstance(value, dict):
        yield path, value
        return
    for name, item in value.items():
        yield from _leaves_of_json((*path, name), item)


def _source_as_json(source: Source) -> dict[str, Any]:
    place = source.location
    return {
        "value": source.value,
        "layer": source.layer,
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
        "written": source.written or None,
    }
