"""Random jobs and schedules, and what somebody may change of them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from jobrunner.spec.models import DefinedJob, JobSpec, Location
from tests.promises.due_times import Schedule

NAMESPACE = "promise"
ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
    "Africa/Cairo", "Asia/Kathmandu", "Asia/Beirut", "Pacific/Apia", "Europe/Berlin",
)  # fmt: skip
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_OFTEN = ("*/10 * * * *", "*/15 9-17 * * *", "7,37 * * * *", "0 */15 * * * *")
_GRACES = (timedelta(0), timedelta(seconds=60), timedelta(seconds=60), _HOUR, 12 * _HOUR)


@dataclass(frozen=True)
class DefinedSchedule:
    """A schedule of a job, with what does not decide when it is due."""

    schedule: Schedule
    grace: timedelta = timedelta(seconds=60)
    max_runs: int | None = None
    is_enabled: bool = True

    @property
    def fields(self) -> dict[str, object]:
        return {
            **self.schedule.fields,
            "misfire_grace": f"{self.grace // timedelta(seconds=1)}s",
            "max_runs": self.max_runs,
            "enabled": self.is_enabled,
        }


@dataclass(frozen=True)
class Job:
    """A job as the files have it."""

    schedules: Mapping[str, DefinedSchedule]
    overlap: str = "allow"
    policy: str = "latest"
    window: timedelta | None = None
    most: int | None = None
    max_concurrency: int | None = None
    tags: tuple[str, ...] = ()
    is_enabled: bool = True

    def defined(self, name: str) -> DefinedJob:
        """The same as read from a file."""
        window = None if self.window is None else f"{self.window // timedelta(seconds=1)}s"
        spec = JobSpec.model_validate(
            {
                "namespace": NAMESPACE,
                "name": name,
                "task": "work.nothing",
                "overlap": self.overlap,
                "catch_up": {"policy": self.policy, "window": window, "max": self.most},
                "max_concurrency": self.max_concurrency,
                "tags": self.tags,
                "enabled": self.is_enabled,
                "schedules": [{"name": n, **s.fields} for n, s in sorted(self.schedules.items())],
            }
        )
        return DefinedJob(spec=spec, location=Location(file="jobs.d/promise.yaml", line=1))


# --- Random ones -----------------------------------------------------------------------------------


def random_jobs(source: random.Random, schedules: int, now: datetime) -> dict[str, Job]:
    """So many schedules; a fifth of them share a job."""
    jobs: dict[str, Job] = {}
    left = schedules
    while left > 0:
        shared = min(left, 3 if source.random() < 0.1 else 1)
        jobs[f"job-{len(jobs)}"] = random_job(source, shared, now)
        left -= shared
    return jobs


def random_job(source: random.Random, schedules: int, now: datetime) -> Job:
    """One job with so many schedules."""
    named = {f"s{n}": random_schedule(source, now) for n in range(schedules)}
    tags = ("nightly",) if source.random() < 0.3 else ()
    if schedules > 1:
        # Which of two that are due at once is the first is nobody's promise: nothing may hang on it.
        return Job(named, policy=source.choice(("skip", "latest")), tags=tags)
    return with_random_policies(source, Job(named, tags=tags))


def with_random_policies(source: random.Random, job: Job) -> Job:
    """The same job, in due times; another answer to what happens when."""
    if len(job.schedules) > 1:
        return replace(job, policy=source.choice(("skip", "latest")))
    overlap = source.choice(("allow", "allow", "skip", "queue"))
    return replace(
        job,
        overlap=overlap,
        policy=source.choice(("skip", "latest", "all")),
        window=source.choice((None, 6 * _HOUR, 10 * _DAY)),
        most=source.choice((1, 3, 24, 50)),
        max_concurrency=source.choice((None, 1, 2)) if overlap == "allow" else None,
    )


def random_schedule(source: random.Random, now: datetime) -> DefinedSchedule:
    """Due from every ten minutes, then for a few days only, to once a year."""
    schedule = source.choice(
        (_random_cron, _random_cron, _random_every, _random_rrule, _random_at)
    )(source, now)
    if source.random() < 0.3:
        schedule = replace(schedule, jitter=source.choice((90 * timedelta(seconds=1), 4 * _HOUR)))
    if source.random() < 0.2 and not schedule.at:
        first = (now + source.randint(0, 300) * _DAY).date()
        schedule = replace(schedule, exclude=((first, first + source.randint(0, 30) * _DAY),))
    return DefinedSchedule(
        schedule,
        grace=source.choice(_GRACES),
        max_runs=source.choice((1, 40)) if source.random() < 0.1 else None,
    )


def _random_cron(source: random.Random, now: datetime) -> Schedule:
    zone = source.choice(ZONES)
    if source.random() < 0.15:
        start = now + source.randint(0, 90) * _DAY
        return Schedule(
            cron=source.choice(_OFTEN), timezone=zone, start_at=start, end_at=start + 5 * _DAY
        )
    minute, hour = source.choice((0, 15, 30, 45, source.randint(0, 59))), source.randint(0, 4)
    cron = source.choice(
        (
            f"{minute} {hour} * * *",
            f"{minute} {hour} * * *",
            f"{minute} */6 * * *",
            f"{minute} {hour},{hour + 12} * * 1-5",
            f"{minute} {hour} {source.randint(1, 28)} * *",
            f"{minute} {hour} L * *",
            f"{minute} {hour} * * {source.randint(0, 6)}#{source.randint(1, 5)}",
            f"*/30 {hour} * * 0",
            f"{minute} {hour} 13 * 5",
            "0 0 29 2 *",
            f"30 {minute} {hour} * * *",
        )
    )
    change = source.random()
    gap = source.choice(("run_after", "skip")) if change < 0.2 else None
    overlap = source.choice(("first", "both")) if 0.1 < change < 0.3 else None
    return Schedule(cron=cron, timezone=zone, gap=gap, overlap=overlap)


def _random_every(source: random.Random, now: datetime) -> Schedule:
    if source.random() < 0.2:
        every = source.choice((10, 37, 59)) * timedelta(minutes=1)
        return Schedule(every=every, end_at=now + source.randint(1, 10) * _DAY)
    every = source.choice((6 * _HOUR, 7 * _HOUR, 25 * _HOUR, _DAY, 7 * _DAY, 100 * _HOUR))
    anchor = datetime(2020, 1, 1, tzinfo=UTC) + source.randint(0, 10**6) * timedelta(seconds=1)
    return Schedule(every=every, anchor=anchor, timezone=source.choice(ZONES))


def _random_rrule(source: random.Random, now: datetime) -> Schedule:
    rule = source.choice(
        (
            "FREQ=DAILY;BYHOUR=2,14;BYMINUTE=30",
            "FREQ=DAILY;INTERVAL=3",
            f"FREQ=WEEKLY;INTERVAL=2;BYDAY={','.join(source.sample(_WEEKDAYS, 2))}",
            f"FREQ=MONTHLY;BYDAY={source.choice((1, 2, -1))}{source.choice(_WEEKDAYS)}",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30",
            f"FREQ=DAILY;UNTIL={now + source.randint(10, 900) * _DAY:%Y%m%d}T120000",
        )
    )
    dtstart = datetime(2014, 1, 1, 2, source.choice((0, 30)))  # noqa: DTZ001  what the clock shows
    return Schedule(rrule=rule, dtstart=dtstart, timezone=source.choice(ZONES))


def _random_at(source: random.Random, now: datetime) -> Schedule:
    instants = {now + source.randint(-10, 1000) * _HOUR for _ in range(source.randint(1, 5))}
    return Schedule(at=tuple(sorted(instants)))


# --- Changes ---------------------------------------------------------------------------------------


def edited(source: random.Random, jobs: Mapping[str, Job], now: datetime) -> dict[str, Job]:
    """One job is another one now, or gone, or back."""
    name = source.choice(sorted(jobs))
    job = jobs[name]
    match source.randint(0, 9):
        case 0:
            return {other: jobs[other] for other in jobs if other != name}
        case 1:
            return {**jobs, f"job-{source.randint(0, 30)}": random_job(source, 1, now)}
        case 2:
            changed = replace(job, is_enabled=not job.is_enabled)
        case 3 | 4 | 5:
            changed = with_random_policies(source, job)
        case _:
            changed = replace(job, schedules=_edited_schedules(source, job.schedules, now))
    return {**jobs, name: changed}


def _edited_schedules(
    source: random.Random, schedules: Mapping[str, DefinedSchedule], now: datetime
) -> dict[str, DefinedSchedule]:
    name = source.choice(sorted(schedules))
    old = schedules[name]
    match source.randint(0, 4):
        case 0:
            changed = replace(old, is_enabled=not old.is_enabled)
        case 1:
            changed = replace(old, grace=source.choice(_GRACES))
        case 2:
            jitter = source.choice((timedelta(0), _HOUR, 5 * _HOUR))
            changed = replace(old, schedule=replace(old.schedule, jitter=jitter))
        case _:
            changed = replace(random_schedule(source, now), max_runs=old.max_runs)
    return {**schedules, name: changed}
