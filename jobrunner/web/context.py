"""What every route has at hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from jobrunner.sealing import NO_KEYS, Keyring
from jobrunner.settings import Settings
from jobrunner.web.comparisons import Comparisons
from jobrunner.web.guesses import Guesses
from jobrunner.web.known_tokens import KnownTokens
from jobrunner.web.planned_load import UsualDurations


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Web:
    """One for the process. Made by `web.app.make_app`."""

    settings: Settings
    engine: Engine
    keyring: Keyring = NO_KEYS
    """Seals what a trigger gives for a job's sensitive arguments."""
    is_open: bool = False
    """Whoever reaches it may do everything: on loopback alone, and only when asked for."""
    now: Callable[[], datetime] = _utc_now
    guesses: Guesses = field(default_factory=Guesses)
    """Wrong credentials of the last minute."""
    known_tokens: KnownTokens = field(default_factory=KnownTokens)
    """Good ones of the last second."""
    usual_durations: UsualDurations = field(default_factory=UsualDurations)
    comparisons: Comparisons = field(default_factory=Comparisons)


async def _web_of(request: Request) -> Web:
    # A plain function would be run in a thread of its own.
    found: Web = request.app.state.web
    return found


HasWeb = Annotated[Web, Depends(_web_of)]
"""The type of a route's argument that takes it."""
