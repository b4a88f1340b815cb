"""One job: defaults merged under it, each key read, what contradicts each other reported."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobrunner.spec.alerts import read_alerts
from jobrunner.spec.calls import Call, calls_of
from jobrunner.spec.celery_task import celery_values, is_celery_task, is_sound
from jobrunner.spec.durations import format_duration
from jobrunner.spec.elsewhere import MEAN_A_COMMAND
from jobrunner.spec.exclusions import Calendars
from jobrunner.spec.field_places import FIELDS, field_places
from jobrunner.spec.guesses import listed
from jobrunner.spec.inheritance import Layer, Layers, written_out
from jobrunner.spec.interpolation import (
    Interpolator,
    MatrixName,
    Pending,
    pending_in,
    without_pending,
)
from jobrunner.spec.keys import KEYS, check_keys
from jobrunner.spec.models import RULES, DefinedJob, JobSpec, Location, ScheduleSpec
from jobrunner.spec.paths import Allowed, parse_task_path
from jobrunner.spec.project import ProjectSpec
from jobrunner.spec.queues import DeclaredQueues, check_queues
from jobrunner.spec.report import Report
from jobrunner.spec.schedules import Inherited, NamedSchedules, named_schedules, read_schedule
from jobrunner.spec.secrets import check_references, refuse_references
from jobrunner.spec.times import read_zone
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, plain
from jobrunner.spec.values import EXAMPLES, Reading, read_model

LARGEST_ARGUMENTS_BYTES = 64 * 1024

_STAND_IN = {"namespace": "default", "name": "unnamed", "task": "package.module.callable"}
_READ_APART = frozenset({"alerts"})
_MAPPINGS = ("retry", "catch_up")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job of one document is read with."""

    namespace: str
    project: ProjectSpec
    allowed: Allowed
    calendars: Calendars
    queues: DeclaredQueues
    report: Report
    calls: list[Call]
    """What the jobs that have been read call."""
    interpolator: Interpolator
    is_disabled: bool
    """The environment switches every job off, whatever it says."""


def read_job(key: Scalar, layers: Layers, around: Surroundings) -> DefinedJob | None:
    """The job below `key`, whose own keys are the top layer; None after a mistake, which is reported."""
    report = around.report
    own, merged, is_whole, are_all_known = _written(key, layers, around)
    named = named_schedules(merged, report)
    read = named or {}
    schedules = _read_schedules(read, merged, around)
    alerts = read_alerts(merged.get("alerts"), around.project.notifiers, report)
    values = _values(merged, report) | {
        "namespace": around.namespace,
        "name": key.value,
        "schedules": tuple(schedule for schedule in schedules if schedule is not None),
        **({"alerts": alerts} if alerts else {}),
    }
    each = [schedule.value for schedule in read.values()]
    reaches_workers = _reaches_workers(layers, merged, each, values, around)
    reading = read_model(JobSpec, values, merged, whole=key, report=report, stand_in=_STAND_IN)
    good = [  # a list: each of them reports what it finds, whatever the others say
        is_whole, named is not None, None not in schedules, alerts is not None, reaches_workers,
        reading.is_good,
        _is_of_one_kind(merged, key, around),
        *(check_references(one, report) for one in (merged, *each)),
        _is_allowed(merged.get("task"), around),
        _is_allowed(merged.get("on_end"), around),
        _is_sound(reading, merged, key, report),
    ]  # fmt: skip
    spec = reading.model
    if spec is None:
        return None
    good.append(_arguments_of_schedules_fit(spec, read, report))
    around.calls.extend(calls_of(reading, merged, read, are_all_known=are_all_known))
    good.append(check_keys(own, "a job", report))
    if not all(good):
        return None
    return DefinedJob(
        spec=spec.model_copy(update={"enabled": False}) if around.is_disabled else spec,
        location=Location(file=key.source.path, line=key.line, column=key.column),
        **field_places(merged, read, key.source),
    )


class _Written(NamedTuple):
    """What a job says, without that which has no value."""

    own: Mapping
    merged: Mapping
    is_whole: bool
    """All of it has a value."""
    are_arguments_known: bool


def _written(key: Scalar, layers: Layers, around: Surroundings) -> _Written:
    own, merged = layers.each[-1].tree, layers.merged
    assert merged is not None  # noqa: S101  there is a layer
    pending = pending_in(merged) if around.interpolator.has_pending else []
    if not pending:
        return _Written(own, merged, is_whole=True, are_arguments_known=True)
    _report_pending(pending, f"{around.namespace}/{key.value}", around.report)
    return _Written(
        without_pending(own),
        without_pending(merged),
        is_whole=False,
        are_arguments_known=_are_arguments_known(merged),
    )


def _reaches_workers(
    layers: Layers,
    merged: Mapping,
    schedules: Sequence[Mapping],
    values: dict[str, Any],
    around: Surroundings,
) -> bool:
    """Whether its messages say what another app's workers can keep; `values` get what such a job takes
    from the project. A queue that is not declared is told of, and is no mistake of the job alone.
    """
    if not is_celery_task(merged):
        check_queues(merged, schedules, around.queues, around.report)
        return True
    own, celery = layers.of_job(), around.project.celery
    values |= celery_values(own, celery)
    return is_sound(merged, own, celery, around.report)


def read_defaults(entry: Entry, name: str, base: Layers, around: Surroundings) -> Layers:
    """`defaults:` over what is inherited, checked as if a job stood on them alone."""
    report = around.report
    if is_null(entry.value):
        return base
    if not isinstance(entry.value, Mapping):
        report.at(
            entry.value, "E203", "'defaults' takes a mapping of a job's keys",
            help="write for example defaults: {queue: reports}",
        )  # fmt: skip
        return base
    tree = written_out(entry.value)
    check_keys(tree, "defaults", report)
    known = tree.without(*(key for key in tree.entries if key not in KEYS["defaults"]))
    layers = base.over(Layer(name, known))
    _check_inherited(entry.key, layers.merged or known, around)
    return layers


def check_template(key: Scalar, tree: Mapping, around: Surroundings) -> None:
    """A template with all that it extends, as if a job stood on it alone. A schedule may lack its rule,
    which the job gives.
    """
    report = around.report
    known = _check_inherited(key, tree, around)
    for name, schedule in (named_schedules(known, report) or {}).items():
        check_references(schedule.value, report)
        if any(not is_null(schedule.value.get(rule)) for rule in RULES):
            read_schedule(name, schedule, _inherited(known, around), report)
        else:
            check_keys(schedule.value, "a schedule", report)


def _check_inherited(key: Scalar, tree: Mapping, around: Surroundings) -> Mapping:
    """The part that is known before a job is there. What is wrong with it is reported."""
    report = around.report
    merged = without_pending(tree) if around.interpolator.has_pending else tree
    values = _values(merged, report)
    values |= {"namespace": "default", "name": "defaults"}
    read_alerts(merged.get("alerts"), around.project.notifiers, report)
    values = _STAND_IN | values
    read_zone(merged.get("timezone"), report)
    reading = read_model(JobSpec, values, merged, whole=key, report=report)
    for name in ("task", "on_end"):
        _is_allowed(merged.get(name), around)
    check_references(merged, report)
    _is_sound(reading, merged, key, report)
    return merged


def _report_pending(pending: Sequence[Scalar], address: str, report: Report) -> None:
    """What has no value for another reason has been told of already."""
    for node in pending:
        if not report.takes(node, "E231"):
            continue
        parts = node.value.parts if isinstance(node.value, Pending) else ()
        names = [part.name for part in parts if isinstance(part, MatrixName)]
        if names and None not in parts:
            report.at(
                node, "E231", f"'${{matrix.{names[0]}}}' has no value in '{address}', which has no matrix",
                help=f"write matrix: {{{names[0]}: [value, …]}} in that job, or the value itself here",
            )  # fmt: skip


def _are_arguments_known(job: Mapping) -> bool:
    """An argument without its value is not one that is missing."""
    holders = map(job.get, ("args", "kwargs", "schedule", "schedules"))
    return not any(pending_in(node) for node in holders if node is not None)


def _read_schedules(
    named: NamedSchedules, job: Mapping, around: Surroundings
) -> list[ScheduleSpec | None]:
    """A None for each mistake."""
    report, inherited = around.report, _inherited(job, around)
    is_zone = inherited.zone is not None or is_null(job.get("timezone"))
    schedules = [
        read_schedule(name, entry, inherited, report)
        for name, entry in report.while_room(job.source, sorted(named.items()))
    ]
    return schedules if is_zone and len(schedules) == len(named) else [*schedules, None]


def _inherited(job: Mapping, around: Surroundings) -> Inherited:
    zone, kwargs = job.get("timezone"), job.get("kwargs")
    is_zone = read_zone(zone, around.report) is not None
    return Inherited(
        # A zone that cannot be read is told of once, and the rest is read as if it were UTC.
        zone=zone if is_zone else None,
        kwargs=kwargs if isinstance(kwargs, Mapping) else None,
        calendars=around.calendars,
    )


def _values(job: Mapping, report: Report) -> dict[str, Any]:
    """Key → JSON value, for the keys that a job has and that say something."""
    values: dict[str, Any] = {}
    for key, entry in job.entries.items():
        node = entry.value
        if key not in FIELDS or key in _READ_APART or is_null(node):
            continue
        if key in _MAPPINGS and isinstance(node, Mapping):
            check_keys(node, key, report)
            values[key] = node.given(KEYS[key])
        else:
            values[key] = plain(node)
    return values


KINDS = ("task", "celery_task", "command")
"""The keys of a job of which exactly one is given."""


def _is_of_one_kind(job: Mapping, key: Scalar, around: Surroundings) -> bool:
    """Whether it says what a run is, once, and says no more than such a run can keep."""
    report = around.report
    given = [
        entry for name in KINDS if (entry := job.entries.get(name)) and not is_null(entry.value)
    ]
    if not given:
        what = "task" if MEAN_A_COMMAND.isdisjoint(job.entries) else "command"
        report.at(key, "E205", f"'{what}' is missing", help=EXAMPLES[what])
        return False
    if len(given) > 1:
        names = " and ".join(f"'{entry.key.value}'" for entry in given)
        report.at(
            given[1].key, "E212", f"a job has exactly one of {', '.join(KINDS)}; this one has {names}",
            help="remove all but one",
        )  # fmt: skip
        return False
    match given[0].key.value:
        case "command":
            return _is_sound_command(job, given[0], around)
        case "celery_task":
            return _hides_nothing(job, report)
        case _:
            return True


def _is_sound_command(job: Mapping, command: Entry, around: Surroundings) -> bool:
    report = around.report
    if not around.project.allow.commands:
        report.at(
            command.key, "E302", "the project does not allow commands",
            help="write allow: {commands: true} in the project file; the worker's own "
            "JOBRUNNER_ALLOW_COMMANDS must allow them, too", topic="commands",
        )  # fmt: skip
        return False
    for name in ("args", "kwargs"):
        entry = job.entries.get(name)
        if entry is not None and not is_null(entry.value):
            report.at(
                entry.key, "E212", f"'{name}' and 'command' contradict each other",
                help="write the arguments as words of 'command'",
            )  # fmt: skip
            return False
    return True


def _hides_nothing(job: Mapping, report: Report) -> bool:
    """Whether all arguments may be sent: a Celery message carries them, and anybody at the broker
    reads it.
    """
    message = "a message to another app's workers would carry the value"
    advice = "let the task itself read it there, or write 'task' in place of 'celery_task'"
    sensitive = job.entries.get("sensitive")
    is_sensitive = sensitive is not None and plain(sensitive.value) not in (None, [])
    if sensitive is not None and is_sensitive:
        report.at(sensitive.key, "E212", message, help=advice)
    named = [one.value for one in (named_schedules(job, report) or {}).values()]
    sendable = [refuse_references(one, message, advice, report) for one in (job, *named)]
    return all(sendable) and not is_sensitive


def _is_allowed(task: Node | None, around: Surroundings) -> bool:
    if not (isinstance(task, Scalar) and isinstance(task.value, str)):
        return True
    try:
        path = parse_task_path(task.value)
    except ValueError:
        return True  # told of where the value is read
    if path in around.allowed:
        return True
    message, advice = _not_allowed(path, around.allowed.patterns)
    around.report.at(task, "E302", message, help=advice, topic=path.rpartition(".")[0])
    return False


_NOT_PYTHON = Allowed(())


def _not_allowed(task: str, patterns: Sequence[str]) -> tuple[str, str]:
    if patterns:
        allowed = f"allowed are: {listed(patterns)}"
        if task in _NOT_PYTHON:  # nobody is led to allow a part of Python
            allowed += (
                f"; to allow it, add '{task.rpartition('.')[0]}.*' to them in the project file"
            )
        return f"'{task}' is outside what 'allow.tasks' names", allowed
    return (
        f"'{task}' is a part of Python itself",
        "call a function of your own, or name it under 'allow.tasks' in the project file",
    )


def _is_sound(reading: Reading[JobSpec], tree: Mapping, key: Scalar, report: Report) -> bool:
    """What concerns several keys; those that are wrong in themselves are not judged."""
    spec = reading.model
    if spec is None:
        return False
    sound = True
    soft = spec.soft_timeout
    if soft is not None and soft >= spec.timeout and reading.has("timeout", "soft_timeout"):
        default = f", which is {format_duration(spec.timeout)} unless given and can be raised"
        bound = "'timeout'" + (default if is_null(tree.get("timeout")) else "")
        report.at(
            tree.entries["soft_timeout"].value, "E212", f"'soft_timeout' is not shorter than {bound}",
            help="write a shorter one: it warns the callable before 'timeout' ends it",
        )  # fmt: skip
        sound = False
    if spec.retry.delay > spec.retry.max_delay and reading.has("retry"):
        retry = tree.get("retry")
        node = (
            (retry.get("delay") or retry.get("max_delay")) if isinstance(retry, Mapping) else None
        )
        report.at(
            node or key, "E212", "the retry's 'delay' is longer than its 'max_delay'",
            help="'max_delay' is 10m unless given; write a longer one",
        )  # fmt: skip
        sound = False
    return _arguments_fit(spec.args, spec.kwargs, tree, report) and sound


def _arguments_of_schedules_fit(spec: JobSpec, named: NamedSchedules, report: Report) -> bool:
    fit = True
    for schedule in spec.schedules:
        args = spec.args if schedule.args is None else schedule.args
        kwargs = spec.kwargs if schedule.kwargs is None else schedule.kwargs
        if args is not spec.args or kwargs is not spec.kwargs:
            fit = _arguments_fit(args, kwargs, named[schedule.name].value, report) and fit
    return fit


def _arguments_fit(args: Sequence[Any], kwargs: Any, tree: Mapping, report: Report) -> bool:
    # JSON makes at most six bytes of a character: arguments of the common size need no more than a look.
    if len(repr((args, kwargs))) * 6 <= LARGEST_ARGUMENTS_BYTES:
        return True
    size = len(json.dumps([args, kwargs], ensure_ascii=False).encode(errors="replace"))
    if size <= LARGEST_ARGUMENTS_BYTES:
        return True
    where = tree.entries.get("kwargs") or tree.entries["args"]
    report.at(
        where.key, "E214",
        f"args and kwargs together are {size:,} bytes; {LARGEST_ARGUMENTS_BYTES:,} are the most",
        help="pass a path or an id, and let the callable read the data",
    )  # fmt: skip
    return False
