"""`alerts` of a job: who is told of what."""

from collections.abc import Collection
from typing import Any

from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.keys import KEYS, check_keys, shortened
from jobrunner.spec.models import Alert
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Mapping, Node, Scalar, Sequence, is_null, kind
from jobrunner.spec.values import read_model

_EXAMPLE = "write alerts: [{when: [failure], to: [oncall]}]"
_MEASURED = frozenset({"late", "too_long"})
"""Words of `when` that need to know how much."""


def read_alerts(
    node: Node | None, notifiers: Collection[str], report: Report
) -> tuple[Alert, ...] | None:
    """The alerts of a job, or of what it inherits; None after a mistake."""
    if node is None or is_null(node):
        return ()
    if not isinstance(node, Sequence):
        report.at(node, "E203", f"'alerts' takes a list, not {kind(node)}", help=_EXAMPLE)
        return None
    items = report.while_room(node.source, node.items)
    read = [_read(item, notifiers, report) for item in items]
    good = tuple(alert for alert in read if alert is not None)
    return good if len(good) == len(node.items) else None


def _read(node: Node, notifiers: Collection[str], report: Report) -> Alert | None:
    if not isinstance(node, Mapping):
        report.at(node, "E203", f"an alert is a mapping, not {kind(node)}", help=_EXAMPLE)
        return None
    if not check_keys(node, "an alert", report):
        return None
    values: dict[str, Any] = node.given(KEYS["an alert"])
    for key in ("when", "to"):
        if isinstance(values.get(key), str):
            values[key] = [values[key]]
    reading = read_model(Alert, values, node, whole=node, report=report)
    good = _are_declared(node.get("to"), notifiers, report)
    if reading.model is None or not reading.is_good:
        return None
    return reading.model if _is_sound(reading.model, node, report) and good else None


def _is_sound(alert: Alert, node: Mapping, report: Report) -> bool:
    measured = sorted(_MEASURED & {*alert.when})
    if measured and alert.after is None:
        report.at(
            node.entries["when"].value, "E205", f"'after' is missing, which '{measured[0]}' needs",
            help="write after: 15m",
        )  # fmt: skip
        return False
    if alert.after is not None and not measured:
        report.at(
            node.entries["after"].key, "E212", f"'after' is of no use with '{alert.when[0]}'",
            help="remove it, or add 'late' or 'too_long'",
        )  # fmt: skip
        return False
    return True


def _are_declared(node: Node | None, notifiers: Collection[str], report: Report) -> bool:
    names = node.items if isinstance(node, Sequence) else (node,)
    unknown = [
        name
        for name in names
        if isinstance(name, Scalar) and isinstance(name.value, str) and name.value not in notifiers
    ]
    for name in unknown:
        if report.takes(name, "E220"):
            text = shortened(str(name.value))
            report.at(
                name, "E220", f"no notifier is named '{text}'", help=_instead(text, notifiers)
            )  # fmt: skip
    return not unknown


def _instead(name: str, notifiers: Collection[str]) -> str:
    if not notifiers:
        return f'add to the project file: notifiers: {{{name}: {{url: {{secret: "env:NAME"}}}}}}'
    guess = did_you_mean(name, tuple(notifiers))
    known = f"there are: {listed(notifiers)}"
    return f"did you mean '{guess}'? {known}" if guess else known
