"""A caller, and what he may do.

A role holds within namespaces (none named: in all). Who is limited to his own runs sees those that
he has triggered himself and nothing of the others, not even that they exist.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal


class Role(StrEnum):
    """What a token is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(IntEnum):
    """What a route asks for. Each includes the ones before it."""

    NONE = 0
    """Nothing, not even to be known: signing in, probes, what the pages look like."""
    KNOWN = 1
    """To be somebody; the route itself looks at what he may see."""
    READ = 2
    OPERATE = 3
    """Run, cancel, retry, pause, resume, backfill."""
    ADMINISTER = 4
    """Schedules of the API, tokens, approvals, roll back, the audit."""


_GIVEN = {
    Role.VIEWER: Permission.READ,
    Role.OPERATOR: Permission.OPERATE,
    Role.ADMIN: Permission.ADMINISTER,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose credentials were good."""

    subject: str
    """As the audit and `runs.created_by` name him."""
    role: Role
    via: Literal["token", "session", "jwt", "open"]
    namespaces: frozenset[str] | None = None
    """Where the role holds; None: everywhere."""
    own_runs_only: bool = False
    session_id: str | None = None
    """Of a person who is signed in to the pages; None with a token or a JWT."""

    def has(self, permission: Permission) -> bool:
        """Whether the role includes it, in some namespace at least."""
        if self.own_runs_only and permission is Permission.ADMINISTER:
            return False
        return permission <= _GIVEN[self.role]

    def may(self, permission: Permission, namespace: str) -> bool:
        """Whether he may do it to what belongs to that namespace."""
        return self.has(permission) and (self.namespaces is None or namespace in self.namespaces)

    def sees_run(self, namespace: str, created_by: str | None) -> bool:
        """Whether a run of that namespace exists for him."""
        is_own = created_by == self.subject
        return self.may(Permission.READ, namespace) and (is_own or not self.own_runs_only)
