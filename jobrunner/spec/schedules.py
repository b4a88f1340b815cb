"""The schedules of one job: shorthands, time zone, timestamps, and exactly one rule each."""

from typing import Any
from zoneinfo import ZoneInfo

from jobrunner.schedule import ScheduleError, load_zone, parse_cron
from jobrunner.spec.durations import spoken_duration
from jobrunner.spec.keys import check_keys, shortened
from jobrunner.spec.models import ScheduleSpec
from jobrunner.spec.moments import parse_moment
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, is_null, kind, plain
from jobrunner.spec.values import check_name, read_model

RULES = ("cron", "every", "at")
_MOMENTS = ("anchor", "start_at", "end_at")
_LONGEST_ZONE = 60


def named_schedules(job: Mapping, report: Report) -> dict[str, Entry] | None:
    """Name → the schedule as a mapping, shorthands written out; None after a mistake."""
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
        return None if schedule is None else {"default": Entry(one.key, schedule)}
    return _of_mapping(many, report) if many else {}


def _of_mapping(many: Entry, report: Report) -> dict[str, Entry] | None:
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
            found[name] = Entry(entry.key, schedule)
    return found if good else None


def _as_mapping(entry: Entry, what: str, report: Report) -> Mapping | None:
    node = entry.value
    if isinstance(node, Mapping):
        return node
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Mapping({"cron": Entry(node, node)}, node.line, node.column, node.source)
    report.at(
        entry.key if is_null(node) else node, "E203",
        f"{what} takes a cron expression or a mapping, not {kind(node)}",
        help='write "*/15 * * * *" in quotes, or remove the key',
    )  # fmt: skip
    return None


def read_zone(node: Node | None, report: Report) -> ZoneInfo | None:
    """The time zone of a node, UTC when there is none; None after a mistake."""
    if node is None or is_null(node):
        return load_zone("UTC")
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(
            node,
            "E203",
            f"'timezone' takes a name, not {kind(node)}",
            help="write for example Europe/Berlin",
        )
        return None
    if len(node.value) > _LONGEST_ZONE:
        report.at(
            node,
            "E211",
            "no time zone has such a long name",
            help="write for example Europe/Berlin",
        )
        return None
    try:
        return load_zone(node.value)
    except ScheduleError as error:
        message, _, advice = error.message.partition("; ")
        report.at(node, "E211", message, help=advice)
        return None


def read_schedule(
    name: str, entry: Entry, inherited_zone: Node | None, report: Report
) -> ScheduleSpec | None:
    """One schedule; None after a mistake. `inherited_zone` is the job's own or from defaults."""
    tree = entry.value
    if not isinstance(tree, Mapping):
        raise TypeError("named_schedules writes every shorthand out as a mapping")
    good = check_keys(tree, "a schedule", report)
    good = _has_one_rule(tree, entry.key, report) and good
    own_zone = tree.entries.get("timezone")
    zone = read_zone(own_zone.value if own_zone else inherited_zone, report)
    values: dict[str, Any] = {"name": name}
    if zone is not None:
        values["timezone"] = zone.key
    for key, item in tree.entries.items():
        if key in _MOMENTS or key == "at":
            moments = _moments(key, item.value, zone, report)
            good = moments is not None and good
            values[key] = moments
        elif key in ScheduleSpec.model_fields and key not in values and not is_null(item.value):
            values[key] = plain(item.value)
    reading = read_model(ScheduleSpec, values, tree, whole=entry.key, report=report)
    good = _expression_is_sound(tree, report) and good
    if reading.model is None or not _is_sound(reading.model, tree, report):
        return None
    return reading.model if good and zone is not None and reading.is_good else None


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
    if all(name in ScheduleSpec.model_fields for name in tree.entries):
        report.at(
            key, "E209", "a schedule needs one of 'cron', 'every' or 'at'",
            help='write for example cron: "0 6 * * *" or every: 15m',
        )  # fmt: skip
    return False


def _moments(key: str, node: Node, zone: ZoneInfo | None, report: Report) -> Any:
    """A moment, for `at` a sorted tuple of them; None after a mistake."""
    if key != "at":
        return _moment(key, node, zone, report)
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.at(node, "E204", "'at' names no time", help="write at least one timestamp")
        return None
    moments = [_moment(key, item, zone, report) for item in items]
    return None if None in moments else tuple(sorted(set(moments)))


def _moment(key: str, node: Node, zone: ZoneInfo | None, report: Report) -> Any:
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(
            node, "E203", f"'{key}' takes a timestamp, not {kind(node)}",
            help="write for example 2026-12-01T09:00",
        )  # fmt: skip
        return None
    try:
        return parse_moment(node.value, zone or load_zone("UTC"))
    except ValueError as error:
        message, _, advice = str(error).partition("; ")
        report.at(node, "E210", message, help=advice)
        return None


def _expression_is_sound(tree: Mapping, report: Report) -> bool:
    entry = tree.entries.get("cron")
    node = None if entry is None else entry.value
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        return True
    try:
        parse_cron(node.value)
    except ScheduleError as error:
        is_shorthand = entry is not None and entry.key is node
        if interval := spoken_duration(node.value):
            advice = f"write {{every: {interval}}}" if is_shorthand else f"write every: {interval}"
            message = f"'{node.value}' is an interval, not a cron expression"
            report.at(node, "E208", message, help=advice)
        else:
            _report_expression(error, node, report)
        return False
    return True


def _report_expression(error: ScheduleError, node: Scalar, report: Report) -> None:
    message, _, advice = error.message.partition("; ")
    offset, width = 0, None
    # The part can be pointed at where the text stands as it is, in quotes or without.
    before = (node.width - len(str(node.value))) / 2
    if error.offset is not None and before in (0, 1):
        offset, width = error.offset + int(before), error.width
    advice = advice or "the fields are: minute hour day-of-month month day-of-week"
    report.at(node, "E208", message, help=advice, offset=offset, width=width)


def _is_sound(spec: ScheduleSpec, tree: Mapping, report: Report) -> bool:
    """What concerns several keys."""
    sound = True
    if spec.anchor is not None and is_null(tree.get("every")):
        report.at(
            tree.entries["anchor"].key,
            "E212",
            "'anchor' is of no use without 'every'",
            help="remove it",
        )
        sound = False
    if spec.start_at is not None and spec.end_at is not None and spec.start_at >= spec.end_at:
        report.at(
            tree.entries["end_at"].value, "E212", "'end_at' is not after 'start_at'",
            help="write a later time, or remove it",
        )  # fmt: skip
        sound = False
    return sound
