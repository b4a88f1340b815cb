"""What the database holds of a project, as values: the side that a plan starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from jobrunner.plan.digest import spec_digest
from jobrunner.plan.forecast import timing_in_force
from jobrunner.plan.pause import PauseInForce
from jobrunner.schedule import next_time
from jobrunner.spec.models import DefinedJob, JobSpec, JsonValue, Location, ScheduleSpec

_NOWHERE = UUID(int=0)
"""Of ids that stand in no database."""


@dataclass(frozen=True, slots=True)
class CurrentSchedule:
    """A schedule row that is not deleted."""

    id: UUID
    name: str
    spec: ScheduleSpec | None
    """None when the row cannot be read."""
    next_scheduled_for: datetime | None
    last_run_at: datetime | None
    total_run_count: int
    """In its life, of its own times; `max_runs` bounds it."""


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """A job of the project that is in force."""

    id: UUID
    address: str
    applied: JobSpec | None
    """The definition of the last apply; None when it cannot be read."""
    in_force: JobSpec | None
    """The same with what dispatch reads from columns and schedule rows; None when some cannot be
    read. It differs from `applied` where somebody has changed the database by hand."""
    digest: str
    """Of the definition of the last apply, as it was written then."""
    problem: str
    """Why it cannot be read, as a sentence; '' when it can."""
    location: Location
    revision: int
    """Which revision brought the definition."""
    schedules: tuple[CurrentSchedule, ...]
    active_runs: int


@dataclass(frozen=True, slots=True)
class CurrentProject:
    """What the database holds of a project; revision 0 and no jobs before its first apply."""

    name: str
    environment: str
    revision: int
    jobs: tuple[CurrentJob, ...]
    pauses: tuple[PauseInForce, ...]
    """All that are in force, of whatever scope."""
    deleted: Mapping[str, int] = field(default_factory=dict)
    """Addresses that the files have and whose jobs were deleted → the revision that did it."""
    ended_runs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Addresses of its jobs, in force or deleted and in the files → names of their schedules that have
    ended → how many runs each has had: one that returns counts on from there. Only those with any."""
    served_queues: frozenset[str] | None = None
    """Those that the workers take from; None: no worker is known."""
    notifiers: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)
    """Where its alerts go, by name: an address, or a reference to one."""


def as_if_applied(
    name: str,
    jobs: Sequence[DefinedJob],
    notifiers: Mapping[str, JsonValue],
    *,
    now: datetime,
) -> CurrentProject:
    """What a database would hold that these definitions, and nothing else, have just been applied to."""
    return CurrentProject(
        name=name,
        environment="",
        revision=0,
        jobs=tuple(_as_if_applied(job, now) for job in jobs),
        pauses=(),
        notifiers=notifiers,
    )


def _as_if_applied(job: DefinedJob, now: datetime) -> CurrentJob:
    return CurrentJob(
        id=uuid5(_NOWHERE, job.address),
        address=job.address,
        applied=job.spec,
        in_force=job.spec,
        digest=spec_digest(job.spec),
        problem="",
        location=job.location,
        revision=0,
        schedules=tuple(_new_schedule(job.spec, schedule, now) for schedule in job.spec.schedules),
        active_runs=0,
    )


def _new_schedule(job: JobSpec, schedule: ScheduleSpec, now: datetime) -> CurrentSchedule:
    timing = timing_in_force(schedule, job.address) if job.enabled else None
    return CurrentSchedule(
        id=uuid5(_NOWHERE, f"{job.address}#{schedule.name}"),
        name=schedule.name,
        spec=schedule,
        next_scheduled_for=None if timing is None else next_time(timing, now),
        last_run_at=None,
        total_run_count=0,
    )
