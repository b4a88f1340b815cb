"""Whether the database's clock goes on evenly, as a pure comparison with one that nobody can set."""

from dataclasses import dataclass

JUMP_SECONDS = 60.0
"""More than this is no correction of a clock, and no slow answer."""


@dataclass(frozen=True, slots=True)
class _Look:
    database_seconds: float
    steady_before: float


class ClockWatch:
    """Looks again and again at both clocks, in seconds from any beginning.

    After a jump ahead the times in between are overdue at once, although nobody was away: until
    `settle` is called `why_held` says why they are not to be caught up.
    """

    def __init__(self) -> None:
        self._last: _Look | None = None
        self.why_held = ""

    def look(
        self, database_seconds: float, *, steady_before: float, steady_after: float
    ) -> float | None:
        """The jump in seconds when there was one since the last look.

        The steady clock is read on both sides of the question to the database: a process that is
        frozen meanwhile takes the time for its own.
        """
        last, self._last = self._last, _Look(database_seconds, steady_before)
        if last is None:
            return None
        passed_at_most = steady_after - last.steady_before
        jump = database_seconds - last.database_seconds - passed_at_most
        if jump <= JUMP_SECONDS:
            return None
        self.why_held = f"the database's clock jumped {round(jump):,} s ahead"
        return jump

    def settle(self) -> None:
        """What the jump has made overdue is recorded."""
        self.why_held = ""
