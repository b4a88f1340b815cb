"""The project file as values: what holds for all jobs, and in which environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from jobrunner.spec.models import (
    CeleryApp,
    Flag,
    JsonValue,
    Location,
    Name,
    Spec,
    TaskPattern,
    Whole,
)

TaskCheck = Literal["static", "import", "off"]
"""How what jobs call is checked: by reading the source · by importing it in a child process · not at all."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is chosen outside the files, where they are read."""

    environment: str = ""
    """One of the project's `environments`; '' is none."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Values of `${NAME}` by name; they win over the environment's `vars`."""
    check_tasks: TaskCheck = "static"


class Allow(Spec):
    """The limits of what the project's jobs may call."""

    tasks: tuple[TaskPattern, ...] = Field(
        default=(),
        description="Patterns such as `acme.*`; none: any module but those of Python itself.",
    )
    commands: Flag = Field(default=False, description="Whether a job may be a command.")


class Calendar(Spec):
    """Days under a name, for the `exclude` of schedules."""

    dates: tuple[str, ...] = Field(
        default=(),
        description="Dates `2026-12-25`, and ranges `2026-12-24/2027-01-01` with both ends.",
    )


NOTHING_GIVEN = Given()


class Queue(Spec):
    """A queue that is meant to be there: a name that is not declared may be a slip."""

    description: str = Field(default="", description="What runs here, in words.")


class Notifier(Spec):
    """Where alerts go."""

    url: JsonValue = Field(
        description='An address of a web hook or of a service, best as `{secret: "env:NAME"}`: whoever '
        "knows it can write there."
    )


@dataclass(frozen=True, slots=True)
class DefinedNotifier:
    """A notifier and where it stands. The place is no part of it: moving it is no change."""

    url: JsonValue = field(repr=False)
    """Whoever reads it can write there, unless it is a reference."""
    location: Location


class Guards(Spec):
    """What an apply refuses to do unless somebody says that it is meant."""

    max_deletes: Whole | None = Field(
        default=None,
        ge=0,
        description="So many jobs an apply may delete without a word; none: 10, or half of the jobs "
        "when that is less.",
    )
    require_plan: Flag | None = Field(
        default=None,
        description="Whether an apply needs a saved plan or `--expect`; none: no.",
    )

    def over(self, base: "Guards") -> "Guards":
        """These, and where they say nothing those of `base`."""
        given = {name: value for name, value in self if value is not None}
        return base.model_copy(update=given)


class EnvironmentSpec(Spec):
    """One of the places that the same files are applied to."""

    vars: dict[str, str] = Field(
        default_factory=dict, description="Values of `${NAME}` in this environment."
    )
    enabled: Flag = Field(
        default=True, description="`false` is a gate over all jobs, whatever they say."
    )
    guards: Guards = Field(default=Guards(), description="Over the project's.")
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Keys of a job, over the project's `defaults` and under the file's.",
    )


@dataclass(frozen=True, slots=True)
class Move:
    """A job that had another address: history, last run and pause go along."""

    old: str
    """`namespace/job`."""
    new: str
    location: Location


class ProjectSpec(Spec):
    """The project file, `jobrunner.yaml`."""

    project: Name = Field(
        default="default", description="The ownership stamp on every row the project creates."
    )
    include: tuple[str, ...] = Field(
        default=("jobs.d/**/*.yaml", "jobs.d/**/*.yml"),
        description="Which files hold jobs: patterns relative to the project file.",
    )
    allow: Allow = Field(default=Allow(), description="What a worker may load at all.")
    celery: CeleryApp = Field(
        default=CeleryApp(),
        description="An existing Celery app whose own workers run `celery_task` jobs.",
    )
    queues: dict[Name, Queue] = Field(
        default_factory=dict,
        description="The queues there are; none declared: any name will do.",
    )
    notifiers: dict[Name, Notifier] = Field(
        default_factory=dict, description="Where alerts go, by name."
    )
    guards: Guards = Field(
        default=Guards(), description="What an apply refuses unless somebody says that it is meant."
    )
    calendars: dict[Name, Calendar] = Field(
        default_factory=dict, description="Days by name, for the `exclude` of schedules."
    )
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict, description="Keys of a job that every job starts from."
    )
