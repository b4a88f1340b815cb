"""What a pause holds back: a job by its address, or all jobs of a tag, a queue or a namespace."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from jobrunner.errors import UsageError
from jobrunner.plan.pause import Scope

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """One of the four."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope} {self.name}"

    def as_typed(self) -> str:
        """The arguments that name it on the command line."""
        return self.name if self.scope == "job" else f"--{self.scope} {self.name}"


def target_options(function: Function) -> Function:
    """ADDRESS, --tag, --queue, --namespace."""
    for option in (
        click.option("--namespace", metavar="NAME", help="All jobs of this namespace."),
        click.option("--queue", metavar="NAME", help="All jobs on this queue."),
        click.option("--tag", metavar="TAG", help="All jobs with this tag."),
        click.argument("address", required=False),
    ):
        function = option(function)
    return function


def target_of(
    *, address: str | None, tag: str | None, queue: str | None, namespace: str | None
) -> Target:
    """The one that was given. Raises UsageError when it is none or several."""
    pairs: tuple[tuple[Scope, str | None], ...] = (
        ("job", address),
        ("tag", tag),
        ("queue", queue),
        ("namespace", namespace),
    )
    given = [Target(scope, name) for scope, name in pairs if name is not None]
    if len(given) != 1:
        raise UsageError(
            "Give exactly one of ADDRESS, --tag, --queue and --namespace.",
            hint="For example a job: namespace/job, or all jobs of a namespace: --namespace ops.",
        )
    return given[0]
