"""The symbol and the colour of each state: colour never stands alone."""

from collections.abc import Mapping
from typing import Literal

Role = Literal["good", "bad", "warn", "busy", "quiet", "paused", "strong"]
"""What a colour means."""

# The dash is the symbol of what was passed over, not a minus.
STATES: Mapping[str, tuple[str, Role]] = {
    "queued": ("○", "quiet"),
    "held": ("◌", "quiet"),
    "running": ("◐", "busy"),
    "succeeded": ("●", "good"),
    "failed": ("✕", "bad"),
    "lost": ("✕", "bad"),
    "skipped": ("–", "warn"),  # noqa: RUF001
    "missed": ("–", "warn"),  # noqa: RUF001
    "expired": ("⊘", "warn"),
    "handed_over": ("→", "quiet"),
    "cancelled": ("⊘", "warn"),
    "paused": ("‖", "paused"),
}
"""Of a run's states, and of what is held back."""


def state_name(state: str, *, held: bool = False) -> str:
    """The name under which a run's state is shown: a queued run that waits for another one is held."""
    return "held" if held and state == "queued" else state
