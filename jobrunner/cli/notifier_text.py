"""Changes of notifiers as text: whom alerts reach, without the addresses themselves."""

from collections.abc import Mapping, Sequence

from jobrunner.alerts.shown_address import address_words
from jobrunner.cli.layout import text
from jobrunner.cli.style import pad, style, width
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.wording.states import Role

MARKS: Mapping[str, tuple[str, Role]] = {
    "added": ("+", "good"),
    "changed": ("~", "warn"),
    "removed": ("-", "bad"),
}


def notifier_lines(changes: Sequence[NotifierChange]) -> list[str]:
    """One each, in columns: `~ notifier oncall  (secret env:A) -> (secret env:B)  jobrunner.yaml:4`."""
    names = max((width(text(change.name)) for change in changes), default=0)
    addresses = max((width(addresses_text(change)) for change in changes), default=0)
    return [_line(change, names, addresses) for change in changes]


def addresses_text(change: NotifierChange) -> str:
    """What its address was, and what it is to be."""
    sides = (change.old, change.new)
    return " -> ".join(text(address_words(side)) for side in sides if side is not None)


def _line(change: NotifierChange, names: int, addresses: int) -> str:
    mark, role = MARKS[change.kind]
    name = pad(style(text(change.name), "strong"), names)
    place = (
        "" if change.location is None else f"{text(change.location.file)}:{change.location.line}"
    )
    told = pad(addresses_text(change), addresses)
    return f"  {style(mark, role)} notifier {name}  {told}  {style(place, 'quiet')}".rstrip()
