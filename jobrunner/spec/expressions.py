"""The expressions of a schedule, checked where they stand: a caret under the part that is wrong."""

from collections.abc import Mapping
from typing import Any

from jobrunner.schedule import ScheduleError, parse_cron
from jobrunner.schedule.rrule_text import parse_rrule
from jobrunner.spec.report import Report
from jobrunner.spec.spoken import meant_by_cron
from jobrunner.spec.tree import Entry, Node, Scalar, text_offset

_CRON_FIELDS = "the fields are: minute hour day-of-month month day-of-week"
_RRULE_EXAMPLE = "write for example FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0"


def check_cron(entry: Entry | None, report: Report) -> bool:
    """Whether the value of `cron` can be read; what is no text is told of elsewhere."""
    node = None if entry is None else entry.value
    if entry is None or not (isinstance(node, Scalar) and isinstance(node.value, str)):
        return True
    try:
        parse_cron(node.value)
    except ScheduleError as error:
        meant = meant_by_cron(node.value)
        if meant is None:
            _report(error, node, "E208", _CRON_FIELDS, report)
        else:
            what, rule = meant
            is_shorthand = entry.key is node
            report.at(
                node, "E208", f"'{node.value}' is {what}, not a cron expression",
                help=f"write {{{rule}}}" if is_shorthand else f"write {rule}",
            )  # fmt: skip
        return False
    return True


def check_rrule(node: Node, values: Mapping[str, Any], report: Report) -> str | None:
    """The rule as it is stored, in capitals; None when it cannot be read.

    `values` are those of the schedule, as they were read: `rrule`, `dtstart`, `exdate`, `rdate`.
    """
    try:
        rule = parse_rrule(
            values["rrule"],
            dtstart=values.get("dtstart"),
            exdate=values.get("exdate", ()),
            rdate=values.get("rdate", ()),
        )
    except ScheduleError as error:
        if _is_cron(values["rrule"]):
            message = f"'{values['rrule']}' is a cron expression, not a recurrence rule"
            report.at(node, "E216", message, help=f'write cron: "{values["rrule"]}"')
        else:
            _report(error, node, "E216", _RRULE_EXAMPLE, report)
        return None
    return rule.text


def _is_cron(text: str) -> bool:
    try:
        parse_cron(text)
    except ScheduleError:
        return False
    return True


def _report(error: ScheduleError, node: Node, code: str, advice: str, report: Report) -> None:
    message, _, own_advice = error.message.partition("; ")
    offset, width = 0, None
    if error.offset is not None and isinstance(node, Scalar):
        before = text_offset(node)
        if before is not None:
            offset, width = error.offset + before, error.width
    report.at(node, code, message, help=own_advice or advice, offset=offset, width=width)
