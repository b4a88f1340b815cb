"""`calendars` of the project file, and the days that the `exclude` of a schedule names."""

from collections.abc import Mapping as Table

from jobrunner.schedule.days import Days, canonical_days, parse_days
from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.keys import KEYS, check_keys, shortened
from jobrunner.spec.project import Calendar
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, is_null, kind
from jobrunner.spec.values import check_name


class Calendars:
    """The days of the project's calendars by name, read once for all jobs."""

    def __init__(self, calendars: Table[str, Calendar]) -> None:
        self.days: dict[str, tuple[Days, ...]] = {
            name: tuple(parse_days(days) for days in calendar.dates)
            for name, calendar in calendars.items()
        }
        self.excluded: dict[tuple[object, ...], tuple[str, ...]] = {}
        """The texts of an `exclude` that is sound → its days, canonical: many jobs have the same, and a
        calendar is long."""


_EXAMPLE = "write for example 2026-12-25 or 2026-12-24/2027-01-01"


def read_calendars(node: Node | None, report: Report) -> dict[str, Calendar]:
    """The mapping below `calendars:`. A calendar with a mistake in it keeps its other days: its name
    is known, and a schedule that names it is not wrong.
    """
    if node is None or is_null(node):
        return {}
    if not isinstance(node, Mapping):
        report.at(
            node, "E203", f"'calendars' takes a mapping of names, not {kind(node)}",
            help='write for example calendars: {holidays: {dates: ["2026-12-25"]}}',
        )  # fmt: skip
        return {}
    return {
        name: Calendar(dates=canonical_days(_days_of_calendar(entry, report)))
        for name, entry in node.entries.items()
        if _is_name(entry.key, report)
    }


def read_exclude(node: Node, calendars: Calendars, report: Report) -> tuple[str, ...] | None:
    """The days of one value or a list of them, canonical; None after a mistake."""
    items = node.items if isinstance(node, Sequence) else (node,)
    texts = tuple([item.value if isinstance(item, Scalar) else None for item in items])
    if texts in calendars.excluded:
        return calendars.excluded[texts]
    found: list[Days] = []
    seen: set[object] = set()  # a calendar of a thousand days may be named a thousand times
    good = True
    for item, text in report.while_room(node.source, zip(items, texts, strict=True)):
        if text is None or text not in seen:
            days = _excluded(item, calendars, report)
            good = days is not None and good
            found += days or ()
            seen.update({text} if days else ())
    if not (good and report.has_room(node.source)):
        return None
    excluded = canonical_days(found)
    if None not in texts:
        calendars.excluded[texts] = excluded
    return excluded


def _is_name(key: Scalar, report: Report) -> bool:
    """A name that a day cannot be mistaken for."""
    if not check_name(key, "the name of a calendar", report):
        return False
    if not str(key.value)[:1].isdigit():
        return True
    report.at(
        key, "E206", f"'{key.value}' cannot be the name of a calendar: 'exclude' would take it for a day",
        help="write a name that begins with a letter",
    )  # fmt: skip
    return False


def _days_of_calendar(entry: Entry, report: Report) -> list[Days]:
    calendar = entry.value
    if not isinstance(calendar, Mapping):
        report.at(
            entry.key if is_null(calendar) else calendar, "E203",
            f"a calendar is a mapping, not {kind(calendar)}",
            help='write for example {dates: ["2026-12-25", "2026-12-31/2027-01-01"]}',
        )  # fmt: skip
        return []
    check_keys(calendar, "a calendar", report)
    dates = calendar.get("dates")
    if dates is None or is_null(dates):
        return []
    items = dates.items if isinstance(dates, Sequence) else (dates,)
    return [days for item in items if (days := _days(item, report)) is not None]


def _excluded(node: Node, calendars: Calendars, report: Report) -> tuple[Days, ...] | None:
    """What one item of `exclude` stands for."""
    if not (isinstance(node, Scalar) and isinstance(node.value, str)) or node.value[:1].isdigit():
        days = _days(node, report)
        return None if days is None else (days,)
    if node.value in calendars.days:
        return calendars.days[node.value]
    report.at(
        node, "E218", f"no calendar is named '{shortened(node.value)}'",
        help=_which_calendars(node.value, tuple(calendars.days)),
    )  # fmt: skip
    return None


def _which_calendars(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return (
            'the project file has none; write there calendars: {holidays: {dates: ["2026-12-25"]}}'
        )
    guess = did_you_mean(name, known)
    meant = f"did you mean '{guess}'? " if guess else ""
    return f"{meant}the project file has: {listed(sorted(known))}"


def _days(node: Node, report: Report) -> Days | None:
    """One day, or a range as a text or as `{from: …, to: …}`."""
    if isinstance(node, Mapping):
        return _range(node, report)
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(node, "E203", f"a day is a date or a range, not {kind(node)}", help=_EXAMPLE)
        return None
    return _parsed(node.value, node, report)


def _range(node: Mapping, report: Report) -> Days | None:
    if not check_keys(node, "a range of days", report):
        return None
    ends = [node.get(key) for key in KEYS["a range of days"]]
    texts = [end.value for end in ends if isinstance(end, Scalar) and isinstance(end.value, str)]
    if len(texts) != len(ends):
        report.at(
            node, "E217", "a range of days has 'from' and 'to', both dates",
            help="write {from: 2026-12-24, to: 2027-01-01}",
        )  # fmt: skip
        return None
    return _parsed("/".join(texts), node, report)


def _parsed(text: str, node: Node, report: Report) -> Days | None:
    try:
        return parse_days(text)
    except ValueError as error:
        message, _, advice = str(error).partition("; ")
        report.at(node, "E217", message, help=advice)
        return None
