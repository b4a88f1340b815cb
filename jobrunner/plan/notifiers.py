"""One notifier that a plan adds, changes or removes: whom alerts reach, before and after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jobrunner.plan.digest import canonical_json
from jobrunner.spec.models import JsonValue, Location


@dataclass(frozen=True, slots=True)
class NotifierChange:
    """Of a notifier of the project. Addresses are as `hidden_address` makes them."""

    name: str
    kind: Literal["added", "removed", "changed"]
    old: JsonValue
    """None when added."""
    new: JsonValue
    """None when removed."""
    location: Location | None
    """Where it is given; None when removed."""
    url: JsonValue = field(default=None, repr=False)
    """What is to be stored, and is never shown; None when removed."""

    def as_json(self) -> dict[str, Any]:
        """The stable form, which a revision keeps."""
        return {
            "name": self.name,
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "file": None if self.location is None else self.location.file,
            "line": None if self.location is None else self.location.line,
        }

    def as_digested(self) -> tuple[str, str, str]:
        """What a plan's digest names of it: no hash that is made fast is made of an address."""
        return self.name, canonical_json(self.old), canonical_json(self.new)


def notifier_from_json(told: Mapping[str, Any]) -> NotifierChange:
    """What `as_json` has told."""
    is_placed = told["file"] is not None
    return NotifierChange(
        name=told["name"],
        kind=told["kind"],
        old=told["old"],
        new=told["new"],
        location=Location(told["file"], told["line"]) if is_placed else None,
    )
