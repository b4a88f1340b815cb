"""A pause as a plan tells of it: an operator's act, which every apply leaves alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Scope = Literal["job", "tag", "queue", "namespace"]


@dataclass(frozen=True, slots=True)
class PauseInForce:
    """A pause that holds now. `until` None: until somebody resumes."""

    scope: Scope
    target: str
    reason: str
    paused_by: str
    started_at: datetime
    until: datetime | None

    def covers(self, address: str, *, queues: Collection[str], tags: Collection[str]) -> bool:
        """The job of that address is held back by it, or one of its schedules; `queues` are theirs."""
        match self.scope:
            case "job":
                return self.target == address
            case "namespace":
                return self.target == address.partition("/")[0]
            case "queue":
                return self.target in queues
            case "tag":
                return self.target in tags
