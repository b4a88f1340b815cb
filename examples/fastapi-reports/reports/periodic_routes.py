"""Reports at times that administrators choose, while everything runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from jobrunner import schedules
from jobrunner.client import ScheduledJob
from reports.access import Administrator
from reports.settings import TIME_ZONE

router = APIRouter(prefix="/api/v1/admin/periodic-tasks", tags=["periodic tasks"])
NAMESPACE = "periodic"
Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,60}$")]
_TASK = {
    "task": "reports.tasks.sales_report",
    "timeout": "10m",
    "retry": {"max_retries": 3, "delay": "60s", "backoff": "fixed", "jitter": False},
}


class Change(BaseModel):
    """What is left out stays as it is. Of the times, at most one is given."""

    organization_id: int | None = None
    days: int | None = Field(default=None, ge=1, le=366)
    kind: Literal["csv", "pdf"] | None = None
    crontab: str | None = Field(default=None, min_length=1, examples=["30 6 * * 1-5"])
    interval_seconds: int | None = Field(default=None, ge=1)
    at: AwareDatetime | None = Field(default=None, description="Once.")
    timezone: str | None = Field(default=None, description="Of the crontab.")
    enabled: bool | None = None

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if sum(given is not None for given in (self.crontab, self.interval_seconds, self.at)) > 1:
            raise ValueError("give one of crontab, interval_seconds and at")
        return self

    def patch(self) -> dict[str, Any]:
        """The keys of a job that it changes."""
        kwargs = self.model_dump(include={"organization_id", "days", "kind"}, exclude_none=True)
        patch = {"kwargs": kwargs, "enabled": self.enabled, "schedule": self._schedule()}
        return {key: value for key, value in patch.items() if value not in (None, {})}

    def _schedule(self) -> Mapping[str, Any]:
        zone = {} if self.timezone is None else {"timezone": self.timezone}
        every = None if self.interval_seconds is None else f"{self.interval_seconds}s"
        at = None if self.at is None else self.at.isoformat()
        rules = {"cron": self.crontab, "every": every, "at": at}
        # A rule takes the place of another one: what is null in a change is removed.
        return zone if all(rule is None for rule in rules.values()) else {**rules, **zone}


class NewTask(Change):
    """A report to be made at certain times."""

    name: Name
    organization_id: int
    timezone: str = TIME_ZONE

    @model_validator(mode="after")
    def _check_is_timed(self) -> Self:
        if self.crontab is None and self.interval_seconds is None and self.at is None:
            raise ValueError("give crontab, interval_seconds or at")
        return self

    def definition(self) -> dict[str, Any]:
        """The job."""
        patch = self.patch()
        schedule = {key: value for key, value in patch["schedule"].items() if value is not None}
        return {**_TASK, **patch, "schedule": schedule}


class PeriodicTask(BaseModel):
    """One as it is, and what has become of it."""

    name: str
    enabled: bool
    arguments: dict[str, Any]
    schedule: dict[str, Any] | str
    next_run_at: datetime | None
    last_run_at: datetime | None
    total_run_count: int


@router.post("", status_code=201)
def create(task: NewTask, caller: Administrator, response: Response) -> PeriodicTask:
    """The beats know it when this is answered."""
    schedules.create(_job(task.name), task.definition(), author=caller.subject)
    response.headers["Location"] = f"{router.prefix}/{task.name}"
    return _told(task.name)


@router.get("")
def list_all(_: Administrator) -> list[PeriodicTask]:
    """By name."""
    return [_periodic_task(job) for job in schedules.list_all(namespace=NAMESPACE)]


@router.get("/{name}")
def get(name: Name, _: Administrator) -> PeriodicTask:
    """One of them."""
    return _told(name)


@router.patch("/{name}")
def change(name: Name, wanted: Change, caller: Administrator) -> PeriodicTask:
    """Its times count from now."""
    schedules.change(_job(name), wanted.patch(), author=caller.subject)
    return _told(name)


@router.post("/{name}/enable")
def enable(name: Name, caller: Administrator) -> PeriodicTask:
    """What passed while it was off is not made up for."""
    schedules.enable(_job(name), author=caller.subject)
    return _told(name)


@router.post("/{name}/disable")
def disable(name: Name, caller: Administrator) -> PeriodicTask:
    """It starts nothing more."""
    schedules.disable(_job(name), author=caller.subject)
    return _told(name)


@router.delete("/{name}", status_code=204)
def delete(name: Name, caller: Administrator) -> None:
    """Its runs stay."""
    schedules.delete(_job(name), author=caller.subject)


def _job(name: str) -> str:
    return f"{NAMESPACE}/{name}"


def _told(name: str) -> PeriodicTask:
    return _periodic_task(schedules.get(_job(name)))


def _periodic_task(job: ScheduledJob) -> PeriodicTask:
    definition = job.definition or {}
    (schedule,) = job.schedules
    return PeriodicTask(
        name=job.address.removeprefix(f"{NAMESPACE}/"),
        enabled=job.enabled,
        arguments=definition.get("kwargs", {}),
        schedule=definition["schedule"],
        next_run_at=schedule.next_run_at,
        last_run_at=schedule.last_run_at,
        total_run_count=schedule.total_run_count,
    )
