"""The time zone and the timestamps of a schedule, read from nodes."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from jobrunner.schedule import ScheduleError, load_zone
from jobrunner.spec.moments import parse_moment, parse_wall_time
from jobrunner.spec.report import Report
from jobrunner.spec.spoken import daily_cron
from jobrunner.spec.tree import Node, Scalar, Sequence, is_null, kind

_LONGEST_ZONE = 60
_ONLY_A_DATE = len("2026-12-25")
_Parse = Callable[[str], datetime]


def read_zone(node: Node | None, report: Report) -> ZoneInfo | None:
    """The time zone of a node, UTC when there is none; None after a mistake."""
    if node is None or is_null(node):
        return load_zone("UTC")
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(
            node, "E203", f"'timezone' takes a name, not {kind(node)}",
            help="write for example Europe/Berlin",
        )  # fmt: skip
        return None
    if len(node.value) > _LONGEST_ZONE:
        report.at(
            node, "E211", "no time zone has such a long name", help="write for example Europe/Berlin"
        )  # fmt: skip
        return None
    if not report.has_room(node.source):
        return None  # what was meant by a wrong name is looked for long, and would not be told
    try:
        return load_zone(node.value)
    except ScheduleError as error:
        message, _, advice = error.message.partition("; ")
        report.at(node, "E211", message, help=advice)
        return None


def read_moment(key: str, node: Node, zone: ZoneInfo, report: Report) -> datetime | None:
    """An instant, UTC; None after a mistake."""
    return _read(key, node, lambda text: parse_moment(text, zone), report)


def read_moments(
    key: str, node: Node, zone: ZoneInfo, report: Report
) -> tuple[datetime, ...] | None:
    """One instant or a list of them, in order, each once; None after a mistake."""
    return _read_each(key, node, lambda text: parse_moment(text, zone), report)


def read_wall_time(key: str, node: Node, zone: ZoneInfo, report: Report) -> datetime | None:
    """What the clock of the zone shows then, naive; None after a mistake."""
    return _read(key, node, lambda text: parse_wall_time(text, zone), report)


def read_wall_times(
    key: str, node: Node, zone: ZoneInfo, report: Report
) -> tuple[datetime, ...] | None:
    """One such time or a list of them, in order, each once; None after a mistake."""

    def parse(text: str) -> datetime:
        if len(text) == _ONLY_A_DATE:
            # Midnight, to RFC 5545: it would leave out nothing of a rule that runs at nine.
            raise ValueError(
                f"{text!r} has no time of day; write for example '{text}T09:00', "
                "or for a whole day 'exclude'"
            )
        return parse_wall_time(text, zone)

    return _read_each(key, node, parse, report)


def _read_each(key: str, node: Node, parse: _Parse, report: Report) -> tuple[datetime, ...] | None:
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.at(node, "E204", f"'{key}' names no time", help="write at least one timestamp")
        return None
    moments = [_read(key, item, parse, report) for item in report.while_room(node.source, items)]
    good = [moment for moment in moments if moment is not None]
    return tuple(sorted(set(good))) if len(good) == len(items) else None


def _read(key: str, node: Node, parse: _Parse, report: Report) -> datetime | None:
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(
            node, "E203", f"'{key}' takes a timestamp, not {kind(node)}",
            help="write for example 2026-12-01T09:00",
        )  # fmt: skip
        return None
    try:
        return parse(node.value)
    except ValueError as error:
        message, _, advice = str(error).partition("; ")
        if expression := daily_cron(node.value):
            advice = f'for a time of every day write cron: "{expression}"'
        report.at(node, "E210", message, help=advice)
        return None
