"""The whole format, as values: what YAML says of a project, a job and its schedules.

Field names are YAML keys, one for one. Values are frozen, unknown keys are forbidden, and a value
is canonical: `90s` and `1m30s` are one `timedelta`, so a plan compares meanings and never text.
A model's JSON dump is what the database stores and what the digest of a definition is made from.
The descriptions are what the editor's schema and `docs/reference/yaml.md` show.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from jobrunner.schedule import Timing, make_timing
from jobrunner.spec.durations import (
    DURATION_PATTERN,
    at_least_a_second,
    format_duration,
    parse_duration,
    positive,
)
from jobrunner.spec.paths import check_pattern, parse_exception_path, parse_task_path

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Of a namespace, a job, a schedule or a queue."""

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""`90s`, `1h30m`, `500ms`, `2d`: a number and a unit, as often as needed. A bare number is refused."""

PositiveDuration = Annotated[Duration, AfterValidator(positive)]
Interval = Annotated[Duration, AfterValidator(at_least_a_second)]


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


CronText = Annotated[str, AfterValidator(_single_spaces)]

Flag = Annotated[bool, Field(strict=True)]
"""`true` or `false` and nothing else: `no` is a text in YAML 1.2, and is not guessed at."""

Whole = Annotated[int, Field(strict=True)]

TaskPath = Annotated[str, AfterValidator(parse_task_path)]
ExceptionPath = Annotated[str, AfterValidator(parse_exception_path)]
TaskPattern = Annotated[str, AfterValidator(check_pattern)]

Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]

JsonValue = Any
"""What JSON can say; checked where the tree is read."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Retry(_Spec):
    """When a failed attempt is followed by another. Attempts in all: `max_retries` + 1."""

    max_retries: Whole = Field(
        default=0, ge=0, le=1000, description="How many attempts may follow the first."
    )
    backoff: Literal["fixed", "linear", "exponential"] = Field(
        default="exponential", description="How the delay grows from one retry to the next."
    )
    delay: Duration = Field(
        default=timedelta(seconds=5), description="The wait before the first retry."
    )
    factor: float = Field(
        default=2.0,
        strict=True,
        ge=1.0,
        le=100.0,
        description="With `exponential`: each delay is the one before times this.",
    )
    max_delay: PositiveDuration = Field(
        default=timedelta(minutes=10), description="No delay is longer than this."
    )
    jitter: Flag = Field(
        default=True,
        description="Spread the delays at random, so that failures do not march in step.",
    )
    retry_for: tuple[ExceptionPath, ...] = Field(
        default=(),
        alias="for",
        description="Dotted paths of the exception classes that are retried; none: any Exception.",
    )
    not_for: tuple[ExceptionPath, ...] = Field(
        default=(), description="Dotted paths of the exception classes that are never retried."
    )

    def delay_after(self, attempt: int) -> timedelta:
        """The longest wait after failed attempt number `attempt`, from 1; `jitter` shortens it."""
        match self.backoff:
            case "fixed":
                factor = 1.0
            case "linear":
                factor = float(attempt)
            case "exponential":
                factor = self.factor ** min(attempt - 1, 64)  # beyond it any delay is at its limit
        seconds = min(self.delay.total_seconds() * factor, self.max_delay.total_seconds())
        return timedelta(seconds=seconds)


class CatchUp(_Spec):
    """The policy for scheduled times that nobody was there to run."""

    policy: Literal["skip", "latest", "all"] = Field(
        default="latest",
        description="`skip` forgets them, `latest` runs the last one, `all` runs each in order.",
    )
    window: PositiveDuration | None = Field(
        default=None, description="Only times this recent count; none: no bound."
    )
    max: Whole | None = Field(
        default=None, ge=1, le=10_000, description="At most this many runs; none: 1,000."
    )


class ScheduleSpec(_Spec):
    """One way a job becomes due. Exactly one of `cron`, `every`, `at` is given."""

    name: Name = Field(default="default", description="The identity of the schedule in its job.")
    cron: CronText | None = Field(
        default=None,
        description="Five fields (or six, seconds first) in the wall-clock time of `timezone`, "
        "or `@hourly` … `@yearly`.",
    )
    every: Interval | None = Field(
        default=None, description="An interval of at least 1s, aligned to `anchor`."
    )
    at: tuple[datetime, ...] | None = Field(
        default=None,
        description="A timestamp or a list of them; one without an offset is read in `timezone`.",
    )
    timezone: str = Field(
        default="UTC", description="IANA name of the time zone, for example `Europe/Berlin`."
    )
    anchor: datetime | None = Field(
        default=None, description="`every` counts from here; none: 1970-01-01T00:00Z."
    )
    start_at: datetime | None = Field(default=None, description="Not due before this time.")
    end_at: datetime | None = Field(
        default=None, description="Not due at this time or later (exclusive)."
    )
    jitter: Duration = Field(
        default=timedelta(0),
        description="Start up to this much later; always the same for one schedule and time.",
    )
    misfire_grace: Duration = Field(
        default=timedelta(seconds=60),
        description="A time missed by no more than this is simply late; more is `catch_up`'s.",
    )
    enabled: Flag = Field(default=True, description="`false` keeps the schedule and fires nothing.")

    def timing(self) -> Timing:
        """The arithmetic of this schedule. Raises `schedule.ScheduleError` for one that has none."""
        return make_timing(
            cron=self.cron,
            every=self.every,
            at=self.at,
            timezone=self.timezone,
            anchor=self.anchor,
            start_at=self.start_at,
            end_at=self.end_at,
            jitter=self.jitter,
        )


class JobSpec(_Spec):
    """All that YAML says of one job, with every default filled in."""

    namespace: Name = Field(description="The first half of the identity `namespace/job`.")
    name: Name = Field(description="The second half of the identity `namespace/job`.")
    task: TaskPath = Field(
        description="Dotted path `package.module.callable` of what is called: a plain or `async def` "
        "function, or a class with `__call__`. A colon before the callable is read as a dot."
    )
    args: tuple[JsonValue, ...] = Field(
        default=(), description="Positional arguments, JSON values."
    )
    kwargs: dict[str, JsonValue] = Field(
        default_factory=dict, description="Keyword arguments, JSON values."
    )
    queue: Name = Field(default="default", description="The broker's queue that carries the runs.")
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] | None = Field(
        default=None, description="0 lowest to 9 highest, on every broker."
    )
    expires: PositiveDuration | None = Field(
        default=None, description="Not started by then: the run ends as `expired`, never late."
    )
    timeout: PositiveDuration = Field(
        default=timedelta(hours=1),
        description="Hard limit of an attempt: it is killed then, and has failed.",
    )
    soft_timeout: PositiveDuration | None = Field(
        default=None,
        description="`SoftTimeLimitExceeded` is raised inside the callable then; before `timeout`.",
    )
    retry: Retry = Field(
        default=Retry(), description="When a failed attempt is followed by another."
    )
    on_lost: Literal["retry", "fail"] | None = Field(
        default=None,
        description="The worker died in the middle; none: `retry` when `retry.max_retries` ≥ 1, "
        "else `fail`.",
    )
    overlap: Literal["allow", "skip", "queue", "replace"] = Field(
        default="skip",
        description="The previous run is not over: start anyway, record a `skipped` run, keep at "
        "most one waiting, or cancel it and start.",
    )
    catch_up: CatchUp = Field(
        default=CatchUp(),
        description="What becomes of scheduled times that passed while no scheduler ran.",
    )
    enabled: Flag = Field(
        default=True, description="`false` keeps the job and its history and fires nothing."
    )
    description: str = Field(
        default="", description="What the job does, in words; shown everywhere."
    )
    owner: str = Field(default="", description="Who answers for it; shown everywhere, a filter.")
    tags: tuple[Tag, ...] = Field(default=(), description="Words to filter and to pause by.")
    schedules: tuple[ScheduleSpec, ...] = Field(
        default=(), description="When it is due, by name; none: started by hand, API or code."
    )

    @property
    def address(self) -> str:
        """`namespace/job`, the identity everywhere."""
        return f"{self.namespace}/{self.name}"


class Allow(_Spec):
    """The limits of what the project's jobs may call."""

    tasks: tuple[TaskPattern, ...] = Field(
        default=(),
        description="Patterns such as `acme.*`; none: any module but those of Python itself.",
    )
    commands: Flag = Field(default=False, description="Whether a job may be a command.")


class ProjectSpec(_Spec):
    """The project file, `jobrunner.yaml`."""

    project: Name = Field(
        default="default", description="The ownership stamp on every row the project creates."
    )
    include: tuple[str, ...] = Field(
        default=("jobs.d/**/*.yaml", "jobs.d/**/*.yml"),
        description="Which files hold jobs: patterns relative to the project file.",
    )
    allow: Allow = Field(default=Allow(), description="What a worker may load at all.")
    defaults: dict[str, JsonValue] = Field(
        default_factory=dict, description="Keys of a job that every job starts from."
    )


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
    """`schedules.default.cron` → line in `location.file`; only fields that this file gives."""

    @property
    def address(self) -> str:
        """`namespace/job`."""
        return self.spec.address


def load_job(stored: Any) -> JobSpec:
    """The definition from its stored JSON (what `dump_job` returned). Raises ValidationError."""
    return JobSpec.model_validate(stored)


def dump_job(spec: JobSpec) -> dict[str, Any]:
    """The JSON that is stored and hashed: every field, canonical values, names as in YAML."""
    return spec.model_dump(mode="json", by_alias=True)
