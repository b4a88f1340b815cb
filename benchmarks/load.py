"""What a scheduler is given to do, beside schedules that rest for a month."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timed:
    """A schedule that becomes due while it is watched. Its number is its place in the sequence."""

    every_seconds: float
    first_due_at: float
    """Seconds since 1970, with a fraction where the phases are spread."""


def due_at_once(number: int, *, at: float) -> tuple[Timed, ...]:
    """So many are due at the same second, and not again for an hour at least."""
    return tuple(Timed(3600.0 * (1 + n % 23), first_due_at=at) for n in range(number))
