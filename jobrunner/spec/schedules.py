"""The schedules of one job: shorthands, exactly one rule each, and what they take from the job."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from jobrunner.schedule import load_zone
from jobrunner.spec.exclusions import Calendars, read_exclude
from jobrunner.spec.expressions import check_cron, check_rrule
from jobrunner.spec.keys import EXTENSION, KEYS, check_keys, shortened
from jobrunner.spec.models import RULES, JobSpec, ScheduleSpec
from jobrunner.spec.repetition import shares_few
from jobrunner.spec.report import Report
from jobrunner.spec.times import (
    read_moment,
    read_moments,
    read_wall_time,
    read_wall_times,
    read_zone,
)
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, is_null, kind, merge, plain
from jobrunner.spec.values import Reading, check_name, read_model

_KEYS = frozenset(KEYS["a schedule"])
_FIELDS = frozenset(ScheduleSpec.model_fields)
_WALL_CLOCK_RULES = ("cron", "rrule")
_ONLY_WITH = {
    "anchor": ("every", "remove it"),
    "dtstart": ("rrule", "remove it, or write 'start_at'"),
    "exdate": ("rrule", "remove it, or write 'exclude' with the days"),
    "rdate": ("rrule", "remove it, or write a second schedule with 'at'"),
}
"""Key → the rule that it belongs to, and what to write instead."""
_CAPITALS = {"EXDATE": "exdate", "RDATE": "rdate"}
_REMOVED = {
    name: JobSpec.model_fields[name].get_default(call_default_factory=True)
    for name in ("args", "kwargs", "queue")
}
"""What stands in a schedule for a null, which removes what the job gives."""


class NamedSchedule(NamedTuple):
    """The key that a schedule stands at, and the schedule as a mapping: shorthands written out."""

    key: Scalar
    value: Mapping


NamedSchedules = dict[str, NamedSchedule]
"""By name."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a schedule takes from its job and from the project."""

    zone: Node | None
    """The job's own time zone, or that from defaults."""
    kwargs: Mapping | None
    calendars: Calendars


def named_schedules(job: Mapping, report: Report) -> NamedSchedules | None:
    """The schedules of a job, not read yet; None after a mistake."""
    one, many = job.entries.get("schedule"), job.entries.get("schedules")
    if one and many:
        first, second = sorted((one, many), key=lambda entry: (entry.key.line, entry.key.column))
        report.at(
            second.key, "E209", "a job has either 'schedule' or 'schedules'",
            help="move all of them below 'schedules', each with its name",
            notes=(f"'{first.key.value}' stands at line {first.key.line}",),
        )  # fmt: skip
        return None
    if one:
        schedule = _as_mapping(one, "'schedule'", report)
        return None if schedule is None else {"default": NamedSchedule(one.key, schedule)}
    return _of_mapping(many, report) if many else {}


def _of_mapping(many: Entry, report: Report) -> NamedSchedules | None:
    if not isinstance(many.value, Mapping):
        report.at(
            many.value if not is_null(many.value) else many.key, "E203",
            f"'schedules' takes a mapping of names, not {kind(many.value)}",
            help='write a name for each: schedules: {nightly: {cron: "…"}}; names are identities',
        )  # fmt: skip
        return None
    found = {}
    good = True
    for name, entry in many.value.entries.items():
        good = check_name(entry.key, "the name of a schedule", report) and good
        schedule = _as_mapping(entry, f"'{shortened(name)}'", report)
        if schedule is None:
            good = False
        else:
            found[name] = NamedSchedule(entry.key, schedule)
    return found if good else None


def _as_mapping(entry: Entry, what: str, report: Report) -> Mapping | None:
    node = entry.value
    if isinstance(node, Mapping):
        return _with_whole_expression(_in_lower_case(node, report), report)
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Mapping({"cron": Entry(node, node)}, node.line, node.column, node.source)
    report.at(
        entry.key if is_null(node) else node, "E203",
        f"{what} takes a cron expression or a mapping, not {kind(node)}", help=_instead(node),
    )  # fmt: skip
    return None


def _instead(node: Node) -> str:
    match node:
        case Scalar(value=int() | float() as seconds) if not isinstance(seconds, bool):
            return f"write {{every: {seconds:g}s}}"
        case Sequence():
            return 'write schedules: {morning: "0 6 * * *", evening: "0 18 * * *"}: names are identities'
        case _:
            return 'write "*/15 * * * *" in quotes, or remove the key'


def _in_lower_case(tree: Mapping, report: Report) -> Mapping:
    """`EXDATE` and `RDATE`, as RFC 5545 writes them, are `exdate` and `rdate`."""
    entries = tree.entries
    for capitals, name in _CAPITALS.items():
        entry = entries.get(capitals)
        if entry is None:
            continue
        if name in entries:
            report.at(
                entry.key, "E105", f"'{capitals}' and '{name}' are the same key",
                help="write one of them, with a list",
            )  # fmt: skip
        entries = {
            name if key == capitals else key: item for key, item in entries.items() if key != name
        }
    return tree if entries is tree.entries else tree._replace(entries=entries)


def _with_whole_expression(tree: Mapping, report: Report) -> Mapping:
    """`{rrule: FREQ=WEEKLY;BYDAY=MO,FR}`: between braces a comma ends a text that has no quotes, and
    what follows looks like keys. Reported, and mended for the sake of reading on.
    """
    if tree.entries.keys() <= _KEYS:
        return tree
    for rule in ("cron", "rrule"):
        node = tree.get(rule)
        if not (isinstance(node, Scalar) and isinstance(node.value, str)):
            continue
        rest = [
            name
            for name, entry in tree.entries.items()
            if name not in _KEYS and is_null(entry.value)
            if entry.key.line == node.line and entry.key.column > node.column
        ]
        if rest:
            text = ",".join([node.value, *rest])
            report.at(
                node, "E104", f"between braces a comma ends '{rule}' here",
                help=f'quote it: {rule}: "{text}"',
            )  # fmt: skip
            whole = Entry(tree.entries[rule].key, node._replace(value=text))
            left_out = set(rest)  # a text of a megabyte has a hundred thousand commas
            entries = {key: entry for key, entry in tree.entries.items() if key not in left_out}
            return tree._replace(entries=entries | {rule: whole})
    return tree


def read_schedule(
    name: str, entry: NamedSchedule, inherited: Inherited, report: Report
) -> ScheduleSpec | None:
    """One schedule; None after a mistake."""
    tree = entry.value
    good = check_keys(tree, "a schedule", report)
    good = _has_one_rule(tree, entry.key, report) and good
    own_zone = tree.entries.get("timezone")
    zone = read_zone(own_zone.value if own_zone else inherited.zone, report)
    # A zone that cannot be read is told of, and the times are read as if it were UTC.
    values = _values(tree, zone or load_zone("UTC"), inherited, report)
    good = check_cron(tree.entries.get("cron"), report) and good
    if _is_complete_rrule(values):
        values["rrule"] = check_rrule(tree.entries["rrule"].value, values, report)
    if None in values.values():
        good = False
        values = {key: value for key, value in values.items() if value is not None}
    values |= {"name": name, "timezone": "UTC" if zone is None else zone.key}
    reading = _known(values) or read_model(
        ScheduleSpec, values, tree, whole=entry.key, report=report
    )
    if reading.model is None or not _is_sound(reading.model, tree, report):
        return None
    return reading.model if good and zone is not None and reading.is_good else None


def _known(values: dict[str, Any]) -> Reading[ScheduleSpec] | None:
    """Many jobs are due at the same times: one value stands for all of them. None where a value is not
    simply text, or something is wrong.
    """
    if not all(type(value) is str or _are_texts(value) for value in values.values()):
        return None  # others may be equal and not the same, like 1 and true
    try:
        return _read_texts(tuple(values.items()))
    except ValidationError:
        return None


def _are_texts(value: object) -> bool:
    """The days of `exclude`, of which a calendar gives many schedules the same."""
    return type(value) is tuple and all(type(one) is str for one in value)


@lru_cache(maxsize=4096)
def _read_texts(values: tuple[tuple[str, Any], ...]) -> Reading[ScheduleSpec]:
    return Reading(ScheduleSpec.model_validate(dict(values)))


def _has_one_rule(tree: Mapping, key: Scalar, report: Report) -> bool:
    given = [tree.entries[rule] for rule in RULES if not is_null(tree.get(rule))]
    if len(given) == 1:
        return True
    if given:
        first, second = sorted(given, key=lambda rule: (rule.key.line, rule.key.column))[:2]
        report.at(
            second.key, "E209", f"a schedule has either '{first.key.value}' or '{second.key.value}'",
            help="keep one, or write two schedules below 'schedules'",
        )  # fmt: skip
        return False
    # An unknown or a later rule has its own message; a second one would only confuse.
    if all(name in _FIELDS or name.startswith(EXTENSION) for name in tree.entries):
        *others, last = (f"'{rule}'" for rule in RULES)
        report.at(
            key, "E209", f"a schedule needs one of {', '.join(others)} or {last}",
            help='write for example cron: "0 6 * * *" or every: 15m',
        )  # fmt: skip
    return False


def _values(tree: Mapping, zone: ZoneInfo, inherited: Inherited, report: Report) -> dict[str, Any]:
    """Key → value, None after a mistake; for the keys that say something."""
    values: dict[str, Any] = {}
    for key, entry in tree.entries.items():
        adds_nothing = (
            key == "kwargs" and isinstance(entry.value, Mapping) and not entry.value.entries
        )
        if key not in _FIELDS or adds_nothing:
            continue
        if not is_null(entry.value):
            values[key] = _value(key, entry.value, zone, inherited, report)
        elif key in _REMOVED:
            values[key] = _REMOVED[key]
        elif key == "priority":
            values[key] = None
            report.at(
                entry.value, "E204", "a schedule cannot remove the job's 'priority'",
                help="write a number from 0 to 9",
            )  # fmt: skip
    return values


def _value(key: str, node: Node, zone: ZoneInfo, inherited: Inherited, report: Report) -> Any:
    match key:
        case "anchor" | "start_at" | "end_at":
            return read_moment(key, node, zone, report)
        case "at":
            return read_moments(key, node, zone, report)
        case "dtstart":
            return read_wall_time(key, node, zone, report)
        case "exdate" | "rdate":
            return read_wall_times(key, node, zone, report)
        case "exclude":
            return read_exclude(node, inherited.calendars, report)
        case "solar" | "dst" if isinstance(node, Mapping):
            check_keys(node, key, report)
            return node.given(KEYS[key])
        case "kwargs" if isinstance(node, Mapping):
            return _arguments(inherited.kwargs, node, report)
        case _:
            return plain(node)


def _arguments(inherited: Mapping | None, own: Mapping, report: Report) -> Any:
    if inherited is not None and not shares_few(own, inherited, report):
        return None
    return plain(merge(inherited, own))


def _is_complete_rrule(values: dict[str, Any]) -> bool:
    """A text, with all that it is read with: what is wrong in itself is told of once."""
    parts = (values.get(key, ()) for key in ("dtstart", "exdate", "rdate"))
    return isinstance(values.get("rrule"), str) and None not in parts


def _is_sound(spec: ScheduleSpec, tree: Mapping, report: Report) -> bool:
    """What concerns several keys."""
    sound = True
    rule = next((rule for rule in RULES if not is_null(tree.get(rule))), None)
    if rule is None:
        return False  # told of already
    for key in tree.entries.keys() & _ONLY_WITH.keys():
        needed, advice = _ONLY_WITH[key]
        if needed != rule and not is_null(tree.get(key)):
            report.at(
                tree.entries[key].key, "E212", f"'{key}' is of no use without '{needed}'",
                help=advice,
            )  # fmt: skip
            sound = False
    if rule not in _WALL_CLOCK_RULES and not is_null(tree.get("dst")):
        report.at(
            tree.entries["dst"].key, "E212", f"'dst' is of no use with '{rule}'",
            help="remove it: what is no time of day is neither skipped nor repeated",
        )  # fmt: skip
        sound = False
    if spec.start_at is not None and spec.end_at is not None and spec.start_at >= spec.end_at:
        report.at(
            tree.entries["end_at"].value, "E212", "'end_at' is not after 'start_at'",
            help="write a later time, or remove it",
        )  # fmt: skip
        sound = False
    return sound
