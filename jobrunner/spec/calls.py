"""What a job's runs will call, and with what: kept with its places, for those who can look at the code."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobrunner.spec.models import JobSpec, ScheduleSpec
from jobrunner.spec.schedules import NamedSchedules
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, is_null, merge
from jobrunner.spec.values import Reading


class Call(NamedTuple):
    """A callable and the arguments of a job, or of one of its schedules that has its own."""

    path: str
    """As in `JobSpec.task`."""
    task: Scalar
    """Where the path stands."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    args_node: Node | None
    """Where the arguments stand; None where none are written."""
    kwargs_node: Mapping | None
    whole: Scalar
    """What is pointed at where an argument is not there."""
    is_complete: bool
    """Whether a schedule calls it with nothing more; a run by hand, the API or code may add arguments."""
    schedule: str
    """The schedule whose arguments these are; '' for the job's own."""
    sensitive: tuple[str, ...]
    """Names of arguments whose values nobody may see."""
    is_on_end: bool = False
    """The job's `on_end`: it is given the run that is over, if it takes an argument, and no others."""

    def node(self, place: tuple[str | int, ...]) -> Node:
        """Where an argument stands: `("kwargs", "region")` is a name, `("kwargs", "region", "value", …)`
        its value and what lies in that; `("args", 0, "value", …)` likewise. `whole` where nothing stands.
        """
        kind, at, *below = place
        if kind == "kwargs":
            entry = self.kwargs_node.entries.get(str(at)) if self.kwargs_node else None
            if entry is None:
                return self.whole
            return _deepest(entry.value, below[1:]) if below else entry.key
        return _deepest(self.args_node, [at, *below[1:]]) if self.args_node else self.whole

    def hides(self, node: Node) -> bool:
        """Whether the line of a node shows a value that nobody may see."""
        entries = self.kwargs_node.entries if self.kwargs_node else {}
        hidden = [part for name in self.sensitive if name in entries for part in entries[name]]
        return any(part.line == node.line and part.source is node.source for part in hidden)


def calls_of(
    reading: Reading[JobSpec], tree: Mapping, named: NamedSchedules, *, are_all_known: bool
) -> Iterator[Call]:
    """Those of one job, as far as they could be read: of a schedule with a mistake there is none, and
    one without its arguments of a job where not `are_all_known`.
    """
    spec, task, on_end = reading.model, tree.get("task"), tree.get("on_end")
    if spec is None or not reading.has("sensitive"):
        return
    if spec.on_end is not None and isinstance(on_end, Scalar):
        yield _call_of_on_end(spec, spec.on_end, on_end)
    if spec.task is None or not isinstance(task, Scalar) or not reading.has("task"):
        return
    are_known = are_all_known and reading.has("args", "kwargs")
    is_complete = are_known and _has_schedule_without_own(spec, named)
    own = _call_of_job(spec, spec.task, task, tree, is_complete=is_complete)
    yield own if are_all_known else own._replace(args=(), kwargs={})
    for schedule in spec.schedules if are_known else ():
        if _has_own(schedule):
            yield _call_of_schedule(own, schedule, named[schedule.name].value)


def _call_of_on_end(spec: JobSpec, path: str, on_end: Scalar) -> Call:
    return Call(
        path=path,
        task=on_end,
        args=(),
        kwargs={},
        args_node=None,
        kwargs_node=None,
        whole=on_end,
        is_complete=True,
        schedule="",
        sensitive=spec.sensitive,
        is_on_end=True,
    )


def _call_of_job(
    spec: JobSpec, path: str, task: Scalar, tree: Mapping, *, is_complete: bool
) -> Call:
    args, kwargs = _own_arguments(tree)
    return Call(
        path=path,
        task=task,
        args=spec.args,
        kwargs=spec.kwargs,
        args_node=_value(args),
        kwargs_node=_mapping(kwargs),
        whole=_whole(kwargs, args, task),
        is_complete=is_complete,
        schedule="",
        sensitive=spec.sensitive,
    )


def _has_schedule_without_own(spec: JobSpec, named: NamedSchedules) -> bool:
    read = {schedule.name: schedule for schedule in spec.schedules}
    return any(
        not _has_own(read[name]) if name in read else _own_arguments(one.value) == (None, None)
        for name, one in named.items()
    )


def _call_of_schedule(own: Call, schedule: ScheduleSpec, tree: Mapping) -> Call:
    args, kwargs = _own_arguments(tree)
    args_node, kwargs_node = own.args_node, own.kwargs_node
    if args is not None:
        args_node = _value(args)
    if kwargs is not None:
        over = _mapping(kwargs)
        kwargs_node = None if over is None else merge(kwargs_node, over)
    return own._replace(
        args=own.args if schedule.args is None else schedule.args,
        kwargs=own.kwargs if schedule.kwargs is None else schedule.kwargs,
        args_node=args_node,
        kwargs_node=kwargs_node,
        whole=_whole(kwargs, args, own.whole),
        is_complete=True,
        schedule=schedule.name,
    )


def _has_own(schedule: ScheduleSpec) -> bool:
    return schedule.args is not None or schedule.kwargs is not None


def _own_arguments(tree: Mapping) -> tuple[Entry | None, Entry | None]:
    return tree.entries.get("args"), tree.entries.get("kwargs")


def _value(entry: Entry | None) -> Node | None:
    return None if entry is None or is_null(entry.value) else entry.value


def _mapping(entry: Entry | None) -> Mapping | None:
    value = _value(entry)
    return value if isinstance(value, Mapping) else None


def _whole(kwargs: Entry | None, args: Entry | None, otherwise: Scalar) -> Scalar:
    given = kwargs or args
    return otherwise if given is None else given.key


def _deepest(node: Node, below: list[str | int]) -> Node:
    """As far as the text goes: a validator may speak of something that nobody wrote."""
    for part in below:
        if isinstance(node, Mapping) and part in node.entries:
            node = node.entries[str(part)].value
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node
