"""What of a plan is asked for, and in what form."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import click

from jobrunner.errors import UsageError
from jobrunner.plan.targets import Targets
from jobrunner.spec.durations import parse_duration

EXIT_CHANGES = 2
Form = Literal["human", "json", "markdown"]
_LONGEST_HORIZON = timedelta(days=366)

form_option = click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["human", "json", "markdown"]),
    default="human",
    show_default=True,
    help="For people, for programs, or for a comment of a pull request.",
)
target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ADDRESS",
    help="Only this job, or with namespace/* those of a namespace; can be repeated.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is to be of."""

    targets: Targets
    horizon: timedelta
    against: str = ""
    """A revision or a folder; '' is the database."""
    offline: bool = False

    @property
    def of_the_database(self) -> bool:
        """Whether it is of what is in force."""
        return not (self.offline or self.against)


def read_horizon(given: str) -> timedelta:
    """Raises UsageError."""
    try:
        horizon = parse_duration(given)
    except ValueError as error:
        raise UsageError(f"--horizon: {error}.", hint="Write for example 7d or 36h.") from error
    if not timedelta(hours=1) <= horizon <= _LONGEST_HORIZON:
        raise UsageError(
            f"--horizon {given} is out of bounds.", hint="Write something from 1h to 366d."
        )
    return horizon
