"""The whole format, as values: what YAML says of a project, a job and its schedules.

Field names are YAML keys, one for one. Values are frozen, unknown keys are forbidden, and a value
is canonical: `90s` and `1m30s` are one `timedelta`, so a plan compares meanings and never text.
A model's JSON dump is what the database stores and what the digest of a definition is made from.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from jobrunner.spec.durations import format_duration, parse_duration

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Of a namespace, a job, a schedule or a queue."""

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
]
"""`90s`, `1h30m`, `500ms`, `2d`: a number and a unit, as often as needed. A bare number is refused."""

JsonValue = Any
"""What JSON can say; checked where the tree is read."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Retry(_Spec):
    """When a failed attempt is followed by another. Attempts in all: `max_retries` + 1."""

    max_retries: int = Field(default=0, ge=0, le=1000)
    backoff: Literal["fixed", "linear", "exponential"] = "exponential"
    delay: Duration = timedelta(seconds=5)
    factor: float = Field(default=2.0, ge=1.0, le=100.0)
    max_delay: Duration = timedelta(minutes=10)
    jitter: bool = True
    retry_for: tuple[str, ...] = Field(default=(), alias="for")
    """Dotted paths of exception classes; () is any Exception."""
    not_for: tuple[str, ...] = ()


class CatchUp(_Spec):
    """What becomes of scheduled times that passed while no scheduler ran."""

    policy: Literal["skip", "latest", "all"] = "latest"
    window: Duration | None = None
    """Only times this recent count; None is no bound."""
    max: int | None = Field(default=None, ge=1, le=10_000)
    """At most this many runs; None is no bound (of our own: 1,000)."""


class ScheduleSpec(_Spec):
    """One way a job becomes due. Exactly one of `cron`, `every`, `at` is given."""

    name: Name = "default"
    cron: str | None = None
    every: Duration | None = None
    at: tuple[datetime, ...] | None = None
    """Aware, UTC, sorted; a time without an offset was read in `timezone`."""
    timezone: str = "UTC"
    anchor: datetime | None = None
    """`every` counts from here; None is the Unix epoch."""
    start_at: datetime | None = None
    end_at: datetime | None = None
    """Exclusive."""
    jitter: Duration = timedelta(0)
    misfire_grace: Duration = timedelta(seconds=60)
    enabled: bool = True


class JobSpec(_Spec):
    """All that YAML says of one job, with every default filled in."""

    namespace: Name
    name: Name
    task: str
    """Dotted path `package.module.callable`; a colon before the callable is read as a dot."""
    args: tuple[JsonValue, ...] = ()
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    queue: Name = "default"
    priority: int | None = Field(default=None, ge=0, le=9)
    """0 lowest to 9 highest on every broker."""
    expires: Duration | None = None
    timeout: Duration = timedelta(hours=1)
    soft_timeout: Duration | None = None
    retry: Retry = Retry()
    on_lost: Literal["retry", "fail"] | None = None
    """None: `retry` when `retry.max_retries` ≥ 1, else `fail`."""
    overlap: Literal["allow", "skip", "queue", "replace"] = "skip"
    catch_up: CatchUp = CatchUp()
    enabled: bool = True
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    schedules: tuple[ScheduleSpec, ...] = ()
    """Sorted by name."""

    @property
    def address(self) -> str:
        """`namespace/job`, the identity everywhere."""
        return f"{self.namespace}/{self.name}"


class Allow(_Spec):
    """What a worker may load at all."""

    tasks: tuple[str, ...] = ()
    """Patterns such as `acme.*`; () allows any module but those of Python itself."""
    commands: bool = False


class ProjectSpec(_Spec):
    """The project file, `jobrunner.yaml`."""

    project: Name = "default"
    include: tuple[str, ...] = ("jobs.d/**/*.yaml", "jobs.d/**/*.yml")
    allow: Allow = Allow()
    defaults: dict[str, JsonValue] = Field(default_factory=dict)
    """Raw: merged under each job as a tree, before it is read as a JobSpec."""


class Location(_Spec):
    """Where in the files something stands. Lines and columns count from 1."""

    file: str
    """Relative to the project's root, with forward slashes."""
    line: int
    column: int = 1


class DefinedJob(_Spec):
    """A job and where it stands. The place is no part of the definition: moving it is no change."""

    spec: JobSpec
    location: Location
    field_lines: dict[str, int] = Field(default_factory=dict)
    """`schedules.default.cron` → line in `location.file`; only fields that the files give."""

    @property
    def address(self) -> str:
        """`namespace/job`."""
        return self.spec.address


def load_job(stored: Any) -> JobSpec:
    """The definition from its stored JSON (`JobSpec.model_dump(mode="json", by_alias=True)`)."""
    return JobSpec.model_validate(stored)


def dump_job(spec: JobSpec) -> dict[str, Any]:
    """The JSON that is stored and hashed: every field, canonical values, names as in YAML."""
    return spec.model_dump(mode="json", by_alias=True)
