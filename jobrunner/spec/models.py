"""The whole format, as values: what YAML says of a project, a job and its schedules.

Field names are YAML keys, one for one. Values are frozen, unknown keys are forbidden, and a value
is canonical: `90s` and `1m30s` are one `timedelta`, so a plan compares meanings and never text.
A model's JSON dump is what the database stores and what the digest of a definition is made from.
The descriptions are what the editor's schema and `docs/reference/yaml.md` show.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

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
from pydantic_core import PydanticCustomError

from jobrunner.schedule import Timing, make_solar, make_timing
from jobrunner.spec.durations import (
    DURATION_PATTERN,
    at_least_a_second,
    format_duration,
    parse_duration,
    positive,
)
from jobrunner.spec.paths import check_pattern, parse_exception_path, parse_task_path

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"

ADDRESS_PATTERN = f"{NAME_PATTERN[:-1]}/{NAME_PATTERN[1:]}"
"""Of a job: `namespace/job`."""

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


def _each(check: Callable[[str], str]) -> AfterValidator:
    """For what stands in lists: a hundred thousand mistakes do not keep the frames of as many exceptions."""

    def checked(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            raise PydanticCustomError("value_error", "{error}", {"error": str(error)}) from None

    return AfterValidator(checked)


TaskPath = Annotated[str, AfterValidator(parse_task_path)]
ExceptionPath = Annotated[str, _each(parse_exception_path)]
TaskPattern = Annotated[str, _each(check_pattern)]

CommandWord = Annotated[str, StringConstraints(max_length=32_768)]


def _argument_name(text: str) -> str:
    if not text.isidentifier():
        raise ValueError(
            f"{text!r} cannot be the name of a keyword argument; write it as in 'kwargs'"
        )
    return text


ArgumentName = Annotated[str, _each(_argument_name)]


_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*")


def _web_address(text: str) -> str:
    if not _WEB_ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is no web address; write it with https://")
    return text


Link = Annotated[str, _each(_web_address)]

Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]

JsonValue = Any
"""What JSON can say; checked where the tree is read."""


class Spec(BaseModel):
    """What all values of the format have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Retry(Spec):
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
        description="Dotted paths of the exception classes that are retried, as they are imported or as "
        "tracebacks tell them; none: any Exception.",
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


class CatchUp(Spec):
    """The policy for scheduled times that nobody was there to run."""

    policy: Literal["skip", "latest", "all"] = Field(
        default="latest",
        description="`skip` forgets them, `latest` runs the last one, `all` runs each in order.",
    )
    window: PositiveDuration | None = Field(
        default=None, description="Only times this recent count; none: no bound."
    )
    max: Whole | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="At most this many runs, the newest; none: no bound. More than 1,000 in one go wait "
        "for `jobrunner resume --catch-up`.",
    )


class SolarEvent(Spec):
    """An event of the sun at a place."""

    event: Literal[
        "dawn_astronomical",
        "dawn_nautical",
        "dawn_civil",
        "sunrise",
        "solar_noon",
        "sunset",
        "dusk_civil",
        "dusk_nautical",
        "dusk_astronomical",
    ] = Field(description="What the sun does, in the words of Celery's solar schedule.")
    latitude: float = Field(strict=True, ge=-90, le=90, description="Degrees, north positive.")
    longitude: float = Field(strict=True, ge=-180, le=180, description="Degrees, east positive.")


class ClockChanges(Spec):
    """What becomes of wall-clock times that a change of the clock skips or repeats."""

    gap: Literal["run_after", "skip"] | None = Field(
        default=None,
        description="A skipped time runs at the first instant after the gap, or not at all; none: as "
        "Debian's cron does, which makes up for fixed times alone. Six fields are no fixed time.",
    )
    overlap: Literal["first", "both"] | None = Field(
        default=None,
        description="A repeated time runs the first time only, or both times; none: as Debian's cron "
        "does, which runs fixed times once. Six fields are no fixed time.",
    )


RULES = ("cron", "every", "rrule", "at", "solar")
"""The keys of a schedule of which exactly one is given."""


class ScheduleSpec(Spec):
    """One way a job becomes due, by exactly one of RULES."""

    name: Name = Field(default="default", description="The identity of the schedule in its job.")
    cron: CronText | None = Field(
        default=None,
        description="Five fields (or six, seconds first) in the wall-clock time of `timezone`, "
        "or `@hourly` … `@yearly`. `H` stands for a number that is made from the schedule's name, so "
        "that many schedules spread: `H * * * *`, `H/15`, `H(0-29)`.",
    )
    every: Interval | None = Field(
        default=None, description="An interval of at least 1s, aligned to `anchor`."
    )
    rrule: str | None = Field(
        default=None,
        description="A recurrence rule of RFC 5545, in the wall-clock time of `timezone`; `UNTIL`, or a "
        "`COUNT` of at most 10,000, ends it.",
    )
    at: tuple[datetime, ...] | None = Field(
        default=None,
        description="A timestamp or a list of them; one without an offset is read in `timezone`.",
    )
    solar: SolarEvent | None = Field(
        default=None, description="An event of the sun: `{event, latitude, longitude}`."
    )
    timezone: str = Field(
        default="UTC", description="IANA name of the time zone, for example `Europe/Berlin`."
    )
    anchor: datetime | None = Field(
        default=None, description="`every` counts from here; none: 1970-01-01T00:00Z."
    )
    dtstart: datetime | None = Field(
        default=None,
        description="`rrule` counts from here: its first time, on the wall clock of `timezone`.",
    )
    exdate: tuple[datetime, ...] = Field(
        default=(), description="Wall-clock times that `rrule` leaves out."
    )
    rdate: tuple[datetime, ...] = Field(
        default=(), description="Wall-clock times that `rrule` has in addition."
    )
    start_at: datetime | None = Field(default=None, description="Not due before this time.")
    end_at: datetime | None = Field(
        default=None, description="Not due at this time or later (exclusive)."
    )
    exclude: tuple[str, ...] = Field(
        default=(),
        description="Days on which it is not due: names of `calendars`, dates `2026-12-25`, or ranges "
        "`2026-12-24/2027-01-01` with both ends.",
    )
    dst: ClockChanges = Field(
        default=ClockChanges(), description="What a change of the clock does to `cron` and `rrule`."
    )
    jitter: Duration = Field(
        default=timedelta(0),
        description="Start up to this much later; always the same for one schedule and time.",
    )
    misfire_grace: Duration = Field(
        default=timedelta(seconds=60),
        description="A time missed by no more than this is simply late; more is `catch_up`'s.",
    )
    max_runs: Whole | None = Field(
        default=None, ge=1, description="Done after so many runs; none: no bound."
    )
    enabled: Flag = Field(default=True, description="`false` keeps the schedule and fires nothing.")
    args: tuple[JsonValue, ...] | None = Field(
        default=None, description="In place of the job's `args`; none: the job's."
    )
    kwargs: dict[str, JsonValue] | None = Field(
        default=None,
        description="Merged deeply over the job's `kwargs`, `null` removes one; none: the job's.",
    )
    queue: Name | None = Field(
        default=None, description="In place of the job's `queue`; none: the job's."
    )
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] | None = Field(
        default=None, description="In place of the job's `priority`; none: the job's."
    )

    @property
    def rule(self) -> str:
        """Which of RULES is given; '' for none, which only a hand in the database can write."""
        return next((rule for rule in RULES if getattr(self, rule) is not None), "")

    def route(self, queue: str, priority: int | None) -> tuple[str, int | None]:
        """Where its runs go, of a job with this queue and priority: the schedule's own come first."""
        return self.queue or queue, priority if self.priority is None else self.priority

    def timing(self, address: str = "") -> Timing:
        """The arithmetic of this schedule of the job `address`, which is what `H` is made from.

        Raises `schedule.ScheduleError` for one that has none.
        """
        return make_timing(
            cron=self.cron,
            every=self.every,
            rrule=self.rrule,
            at=self.at,
            solar=None if self.solar is None else make_solar(**self.solar.model_dump()),
            timezone=self.timezone,
            anchor=self.anchor,
            dtstart=self.dtstart,
            exdate=self.exdate,
            rdate=self.rdate,
            start_at=self.start_at,
            end_at=self.end_at,
            exclude=self.exclude,
            gap=self.dst.gap,
            overlap=self.dst.overlap,
            jitter=self.jitter,
            key=address and f"{address}#{self.name}",
        )


class Alert(Spec):
    """Who is told when something becomes of a job's runs."""

    when: Annotated[
        tuple[Literal["failure", "missed", "late", "too_long", "recovered"], ...],
        Field(min_length=1),
    ] = Field(
        description="What is told: `failure` after the last retry, `missed` times, a run that starts "
        "`late` or goes on `too_long`, `recovered` when all is well again."
    )
    after: PositiveDuration | None = Field(
        default=None, description="How late, or how long: for `late` and `too_long`, which need it."
    )
    to: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Names of the project's `notifiers`."
    )


class CeleryApp(Spec):
    """An existing Celery app, for jobs with `celery_task`."""

    app: TaskPath | None = Field(
        default=None,
        description="Dotted path of the app, for its broker and its routes; none: jobrunner's broker, and "
        "the queue `celery` unless the job names one.",
    )
    tracked: Flag = Field(
        default=False,
        description="Whether its workers report what becomes of a run: they call "
        "`jobrunner.contrib.celery.install(app)`.",
    )


class JobSpec(Spec):
    """All that YAML says of one job, with every default filled in."""

    namespace: Name = Field(description="The first half of the identity `namespace/job`.")
    name: Name = Field(description="The second half of the identity `namespace/job`.")
    task: TaskPath | None = Field(
        default=None,
        description="Dotted path `package.module.callable` of what is called: a plain or `async def` "
        "function, a Celery task, or a class with `__call__`. A colon before the callable is read as a "
        "dot. Exactly one of `task`, `celery_task` and `command` is given.",
    )
    celery_task: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="Registered name of a task in an existing Celery app: its own workers get an "
        "ordinary Celery message. None of ours runs it.",
    )
    command: Annotated[tuple[CommandWord, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="A program and its arguments, run without a shell and with an environment of its "
        "own; only where the project and the worker allow commands.",
    )
    args: tuple[JsonValue, ...] = Field(
        default=(),
        description='Positional arguments, JSON values; `{secret: "env:NAME"}` stands for a secret.',
    )
    kwargs: dict[str, JsonValue] = Field(
        default_factory=dict,
        description='Keyword arguments, JSON values; `{secret: "env:NAME"}` stands for a secret.',
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
    max_concurrency: Whole | None = Field(
        default=None, ge=1, description="Runs of this job that may be active at once; none: any."
    )
    on_end: TaskPath | None = Field(
        default=None,
        description="Dotted path of a callable for clean-up: called after any end of a run, also after a "
        "kill or a loss, at least once, in a fresh process.",
    )
    isolate: Flag = Field(
        default=False,
        description="Each run gets a fresh process: memory, globals and threads are gone afterwards.",
    )
    sensitive: tuple[ArgumentName, ...] = Field(
        default=(),
        description="Names of `kwargs` that are encrypted at rest and masked everywhere.",
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
    links: dict[str, Link] = Field(
        default_factory=dict,
        description="Addresses by title, such as a runbook; shown beside the job.",
    )
    alerts: tuple[Alert, ...] = Field(
        default=(), description="Who is told of failed, missed, late and overlong runs."
    )
    protect: Flag = Field(
        default=False,
        description="`true`: no apply deletes it, even when it has left the files, until an apply has "
        "carried `protect: false`.",
    )
    schedules: tuple[ScheduleSpec, ...] = Field(
        default=(), description="When it is due, by name; none: started by hand, API or code."
    )
    celery: CeleryApp | None = Field(
        default=None,
        description="The project's `celery`, kept with a job that is a `celery_task`: no key of a job.",
    )

    @property
    def address(self) -> str:
        """`namespace/job`, the identity everywhere."""
        return f"{self.namespace}/{self.name}"

    @property
    def calls(self) -> str:
        """What a run calls, in one line for a person."""
        return self.task or self.celery_task or " ".join(self.command or ())

    @property
    def delivery(self) -> Literal["claim", "tracked", "handed_over"]:
        """How a run reaches its worker: one of ours claims it · a Celery message to an app's own workers,
        who report of it · the same, and nothing more is heard of it.
        """
        if self.celery_task is None:
            return "claim"
        return "tracked" if self.celery is not None and self.celery.tracked else "handed_over"

    @property
    def queues(self) -> frozenset[str]:
        """Where its runs go: a schedule may name a queue of its own."""
        return frozenset({self.queue, *(one.queue for one in self.schedules if one.queue)})

    def arguments_for(
        self, schedule: str | None
    ) -> tuple[tuple[JsonValue, ...], dict[str, JsonValue]]:
        """`args` and `kwargs` of a run of that schedule, or of one started by hand for None.

        The job's own for a schedule that this definition does not have.
        """
        found = next((one for one in self.schedules if one.name == schedule), None)
        if found is None:
            return self.args, self.kwargs
        return (
            self.args if found.args is None else found.args,
            self.kwargs if found.kwargs is None else found.kwargs,
        )


class Location(NamedTuple):
    """Where in the files something stands. Lines and columns count from 1."""

    file: str
    """Relative to the project's root, with forward slashes."""
    line: int
    column: int = 1


_NOTHING_WRITTEN: Final[Mapping[str, Any]] = {}


class DefinedJob(NamedTuple):
    """A job and where it stands. The place is no part of the definition: moving it is no change.

    Named tuples, like `Location`: those of a large project go from one process to another.
    """

    spec: JobSpec
    location: Location
    field_lines: Mapping[str, int] = _NOTHING_WRITTEN
    """`schedules.default.cron` → the line that gives it, of the job or of what it inherits."""
    field_files: Mapping[str, str] = _NOTHING_WRITTEN
    """The file of that line, where it is not the job's own."""

    def place_of(self, *paths: str) -> Location | None:
        """Where the first of these fields that is written anywhere is written."""
        path = self.written(paths)
        if path is None:
            return None
        return Location(self.field_files.get(path, self.location.file), self.field_lines[path])

    def written(self, paths: Iterable[str]) -> str | None:
        """The first of these fields that is written anywhere."""
        for path in paths:
            if path in self.field_lines:
                return path
        return None

    @property
    def address(self) -> str:
        """`namespace/job`."""
        return self.spec.address


def load_job(stored: Any) -> JobSpec:
    """The definition from its stored JSON (what `dump_job` returned). Raises ValidationError."""
    return JobSpec.model_validate(stored)


_OFTEN_EMPTY = {"exdate": [], "rdate": [], "exclude": [], "dst": {}, "jitter": "0s"}


def dump_schedule(spec: ScheduleSpec) -> dict[str, Any]:
    """The JSON of a schedule's own row: without what it does not give, since a tick reads it each time."""
    told = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: value for name, value in told.items() if value != _OFTEN_EMPTY.get(name)}


_ONLY_WHERE_GIVEN: dict[str, Any] = {
    "celery_task": None, "command": None, "on_end": None, "isolate": False, "sensitive": [],
    "celery": None, "links": {}, "alerts": [], "protect": False,
}  # fmt: skip
"""Keys that came later. A definition that does not use them reads as it did before they were there."""


def dump_job(spec: JobSpec) -> dict[str, Any]:
    """The JSON that is stored and hashed: canonical values, names as in YAML."""
    told = spec.model_dump(mode="json", by_alias=True)
    for name, default in _ONLY_WHERE_GIVEN.items():
        if told[name] == default:
            del told[name]
    return told
