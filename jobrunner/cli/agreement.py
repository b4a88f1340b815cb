"""What a person, or a pipeline, says of a plan that is to be applied."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from jobrunner.cli.command import Function
from jobrunner.cli.plan_options import target_option
from jobrunner.errors import UsageError
from jobrunner.plan.targets import Targets, make_targets
from jobrunner.spec.durations import format_duration, parse_duration

_USUAL_LOCK_TIMEOUT = "30s"
_LONGEST_LOCK_TIMEOUT = timedelta(milliseconds=2**31 - 1)
"""PostgreSQL's."""
_OPTIONS = (
    click.option("--yes", "-y", is_flag=True, help="Do not ask."),
    click.option("--expect", metavar="DIGEST", help="Only when the plan has this digest."),
    target_option,
    click.option(
        "--allow-deletes",
        type=click.IntRange(min=0),
        metavar="N",
        help="As many deletions are meant.",
    ),
    click.option(
        "--allow-protected",
        multiple=True,
        metavar="ADDRESS",
        help="This job may be deleted, although it says `protect: true`; can be repeated.",
    ),
    click.option(
        "--lock-timeout",
        default=_USUAL_LOCK_TIMEOUT,
        show_default=True,
        metavar="DURATION",
        help="How long another apply is waited for.",
    ),
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is agreed to, whatever the plan is: see `ApplyOptions`."""

    targets: Targets
    expected_digest: str
    allow_deletes: int | None
    allow_protected: tuple[str, ...]
    lock_timeout_seconds: float
    allow_older: bool = False
    adopt: bool = False


def agreeing_options(function: Function) -> Function:
    """The flags by which a person, or a pipeline, says what is meant; for `agreement_of`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def agreement_of(given: dict[str, Any]) -> Agreement:
    """From the values of `agreeing_options`, `yes` aside. Raises UsageError."""
    return Agreement(
        targets=make_targets(given["targets"]),
        expected_digest=_digest(given["expect"]),
        allow_deletes=given["allow_deletes"],
        allow_protected=given["allow_protected"],
        lock_timeout_seconds=_seconds(given["lock_timeout"]),
    )


def _digest(given: str | None) -> str:
    """An empty one is a pipeline's variable that was not set: it must not stand for any plan."""
    if given == "":
        raise UsageError("--expect has no digest.", hint="`jobrunner plan` tells the one to write.")
    return given or ""


def _seconds(given: str) -> float:
    try:
        timeout = parse_duration(given)
    except ValueError as error:
        raise UsageError(
            f"--lock-timeout: {error}.",
            hint=f"Write for example {_USUAL_LOCK_TIMEOUT}.",
        ) from error
    if timeout > _LONGEST_LOCK_TIMEOUT:
        raise UsageError(
            f"--lock-timeout: PostgreSQL does not wait as long as {given!r}.",
            hint=f"Write {format_duration(_LONGEST_LOCK_TIMEOUT)} at most.",
        )
    return timeout.total_seconds()
