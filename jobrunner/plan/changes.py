"""What a plan says, as values: the changes by address, and the plan's form in JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from jobrunner.plan.forecast import EditForecast
from jobrunner.plan.load import HORIZON, Load
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.plan.pause import PauseInForce
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, Location, ScheduleSpec

FORMAT_VERSION = "1.2"
"""Of `Plan.as_json`; minor versions only add."""


class FieldChange(NamedTuple):
    """One field of a job that differs. Values are JSON, written as in YAML (`1m30s`); what is sealed is
    `(sensitive)`.
    """

    path: str
    """`task`, `kwargs.region`, `schedule.cron`, `schedules.night.every`."""
    kind: Literal["added", "removed", "changed"]
    old: Any
    """None when added."""
    new: Any
    """None when removed."""
    line: int | None
    """Where it is given; None when no file gives it."""
    file: str | None = None
    """Of that line; None when it is the job's own."""
    is_drift: bool = False
    """The last apply had set `new`: somebody has changed the database since."""

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        return {
            "path": self.path,
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "line": self.line,
            "file": self.file,
            "drift": self.is_drift,
        }


class ScheduleChange(NamedTuple):
    """One schedule of a changed job that is new, gone, or differs."""

    name: str
    kind: Literal["create", "update", "delete"]
    schedule_id: UUID | None
    """None for a new one."""
    before: ScheduleSpec | None
    """None for a new one, and for a stored one that cannot be read."""
    after: ScheduleSpec | None
    """None for one that goes."""
    is_timing_changed: bool
    """The next time moves to the next match after now; without it no apply touches it."""
    forecast: EditForecast
    never: str = ""
    """Why there is no next run after the edit; '' where there is one, or the schedule goes."""
    runs_left: int | None = None
    """How many `max_runs` leaves after the edit; None: it bounds nothing, or the schedule goes."""

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        return {
            "name": self.name,
            "action": self.kind,
            "timing_changed": self.is_timing_changed,
            **self.forecast.as_json(),
            "never": self.never,
        }


@dataclass(frozen=True, slots=True)
class Create:
    """An address that is not in force; one that was deleted earlier returns with its history."""

    job: DefinedJob
    definition: str
    """What is stored of it: canonical JSON."""
    digest: str
    """Of its definition."""
    fields: tuple[FieldChange, ...]
    """What differs from the defaults."""
    schedules: tuple[ScheduleChange, ...]
    pauses: tuple[PauseInForce, ...] = ()
    """Those that will hold it back from the beginning."""
    deleted_in: int | None = None
    """The revision that deleted the job of this address, which returns with its history; None: there
    never was one."""
    looks_renamed_from: str = ""
    """The address of a job that the plan deletes and that did the same at the same times; '' for none."""

    @property
    def address(self) -> str:
        """`namespace/job`."""
        return self.job.address

    @property
    def new_pauses(self) -> tuple[PauseInForce, ...]:
        """There was no job that they could hold back."""
        return self.pauses


@dataclass(frozen=True, slots=True)
class Update:
    """A job that differs from what is in force."""

    job: DefinedJob
    job_id: UUID
    definition: str
    """What is stored of its new one: canonical JSON."""
    digest: str
    """Of its new definition."""
    before: JobSpec | None
    """What is in force; None when `replaces` says why it cannot be read."""
    fields: tuple[FieldChange, ...]
    schedules: tuple[ScheduleChange, ...]
    moved_from: str = ""
    """Its address until now, where that is another; `fields` may be empty then."""
    replaces: str = ""
    """Why the stored definition is replaced as a whole; '' when it can be read."""
    pauses: tuple[PauseInForce, ...] = ()
    """Those that hold it back as it will be."""
    new_pauses: tuple[PauseInForce, ...] = ()
    """Of `pauses`, those that it comes under: until now they do not hold it back."""
    pauses_left: tuple[PauseInForce, ...] = ()
    """Those that hold it back until now, and no longer."""

    @property
    def address(self) -> str:
        """`namespace/job`."""
        return self.job.address

    @property
    def fires_again(self) -> bool:
        """It leaves a pause, and nothing else keeps its schedules from firing."""
        spec = self.job.spec
        is_on = spec.enabled and any(schedule.enabled for schedule in spec.schedules)
        return bool(self.pauses_left) and not self.pauses and is_on

    @property
    def is_drift(self) -> bool:
        """Nothing but the database's side has changed since the last apply."""
        if self.moved_from:
            return False
        return bool(self.replaces) or all(field.is_drift for field in self.fields)


@dataclass(frozen=True, slots=True)
class Delete:
    """A job of the project that has left the files. Its row becomes a tombstone, its history stays."""

    address: str
    job_id: UUID
    before: JobSpec | None
    """None when it cannot be read."""
    location: Location
    """Where it stood."""
    revision: int
    """Which revision brought its definition."""
    last_run_at: datetime | None
    active_runs: int
    """Queued or running now; they finish."""
    schedules: tuple[ScheduleChange, ...]
    pauses: tuple[PauseInForce, ...] = ()
    is_protected: bool = False
    """By its definition in force; one that cannot be read protects nothing."""


Change = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Relocated:
    """The same job at another place in the files: no change, only its note of the place is renewed."""

    job_id: UUID
    address: str
    before: Location
    after: Location


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a guard says of a plan."""

    reason: str
    advice: str

    def as_json(self) -> dict[str, str]:
        """The stable form."""
        return {"reason": self.reason, "help": self.advice}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply would do, decided and not yet done."""

    project: str
    environment: str
    applied_environment: str
    """The one the project's rows carry; '' before the first apply too."""
    base_revision: int
    """The newest revision of the project; 0 before the first apply."""
    changes: tuple[Change, ...]
    """By address."""
    relocated: tuple[Relocated, ...]
    unchanged: int
    jobs_before: int
    jobs_after: int
    digest: str
    """Twelve hex digits over the changes and the notifiers; '' is never a digest."""
    load_before: Load
    load_after: Load
    diagnostics: tuple[Diagnostic, ...]
    """Warnings of the files and of the lints, in file order."""
    now: datetime
    """The database's clock when it was made."""
    notifiers: tuple[NotifierChange, ...] = ()
    """By name; none where it is not of files: those in force stay."""
    horizon: timedelta = HORIZON
    """How far the loads look ahead."""
    targets: tuple[str, ...] = ()
    """What it is limited to; none: it is whole."""
    left_out: int = 0
    """Changes of other jobs than `targets`, and of notifiers that none of these needs."""
    signatures: Mapping[str, str] = field(default_factory=dict)
    """Of what new jobs call, by dotted path, where the source tells: `f(batch_size: int = 500)`."""
    refused: Refusal | None = None
    """Why an apply would not carry it out as it is."""
    against: str = ""
    """What it compares the files with, in place of the database: then nobody can apply it."""

    @property
    def is_empty(self) -> bool:
        """Nothing to do: the files and the database agree."""
        return not (self.changes or self.notifiers)

    @property
    def is_adoption(self) -> bool:
        """It takes a project that is in force for one environment, or for none, over for another."""
        return self.base_revision > 0 and self.environment != self.applied_environment

    @property
    def creates(self) -> tuple[Create, ...]:
        """What is new."""
        return tuple(change for change in self.changes if isinstance(change, Create))

    @property
    def updates(self) -> tuple[Update, ...]:
        """What differs, drift included."""
        return tuple(change for change in self.changes if isinstance(change, Update))

    @property
    def moves(self) -> tuple[Update, ...]:
        """What gets another address, changed besides or not."""
        return tuple(update for update in self.updates if update.moved_from)

    @property
    def edits(self) -> tuple[Update, ...]:
        """Updates that follow an edit of the files, but for moves."""
        return tuple(u for u in self.updates if not u.moved_from and not u.is_drift)

    @property
    def drift(self) -> tuple[Update, ...]:
        """Updates that put back what somebody has changed in the database, with an edit or without."""
        return tuple(
            u for u in self.updates if u.replaces or any(field.is_drift for field in u.fields)
        )

    @property
    def deletes(self) -> tuple[Delete, ...]:
        """What goes."""
        return tuple(change for change in self.changes if isinstance(change, Delete))

    def as_json(self) -> dict[str, Any]:
        """The stable form, for `--format json`."""
        return {
            "format_version": FORMAT_VERSION,
            "project": self.project,
            "environment": self.environment,
            "base_revision": self.base_revision,
            "against": self.against,
            "now": _time(self.now),
            "digest": self.digest,
            "targets": list(self.targets),
            "summary": self._summary(),
            "notifiers": [change.as_json() for change in self.notifiers],
            "changes": changes_as_json(self.changes),
            "load": {
                "horizon_days": self.horizon / timedelta(days=1),
                "before": self.load_before.as_json(),
                "after": self.load_after.as_json(),
            },
            "diagnostics": [diagnostic.as_json() for diagnostic in self.diagnostics],
            "refused": None if self.refused is None else self.refused.as_json(),
        }

    def _summary(self) -> dict[str, int]:
        return {
            "create": len(self.creates),
            "update": len(self.edits),
            "move": len(self.moves),
            "delete": len(self.deletes),
            "drift": len(self.drift),
            "notifiers": len(self.notifiers),
            "unchanged": self.unchanged,
            "relocated": len(self.relocated),
            "left_out": self.left_out,
            "jobs": self.jobs_after,
        }


def changes_as_json(
    changes: Sequence[Change], *, field: Callable[[FieldChange], Any] = FieldChange.as_json
) -> list[dict[str, Any]]:
    """The part of the plan's JSON that is about jobs; each field as `field` writes it."""
    return [_change_as_json(change, field) for change in changes]


def _change_as_json(change: Change, field: Callable[[FieldChange], Any]) -> dict[str, Any]:
    match change:
        case Create():
            own = {
                **_place(change.job),
                "fields": [field(one) for one in change.fields],
                "deleted_in": change.deleted_in,
                "looks_renamed_from": change.looks_renamed_from,
            }
            action = "create"
        case Update():
            own = {
                **_place(change.job),
                "fields": [field(one) for one in change.fields],
                "replaces": change.replaces,
                "drift": change.is_drift,
                "moved_from": change.moved_from,
            }
            action = "move" if change.moved_from else "update"
        case Delete():
            own = {
                "file": change.location.file,
                "line": change.location.line,
                "owner": "" if change.before is None else change.before.owner,
                "revision": change.revision,
                "last_run_at": _time(change.last_run_at),
                "active_runs": change.active_runs,
            }
            action = "delete"
    return {
        "address": change.address,
        "action": action,
        **own,
        "schedules": [schedule.as_json() for schedule in change.schedules],
        **_pauses_as_json(change),
    }


def _place(job: DefinedJob) -> dict[str, Any]:
    return {
        "file": job.location.file,
        "line": job.location.line,
        "owner": job.spec.owner,
        "task": job.spec.calls,
    }


def _pauses_as_json(change: Change) -> dict[str, Any]:
    """Most changes have to do with none, so what is seldom said is left out where it is not: a revision keeps
    thousands of them.
    """
    new = () if isinstance(change, Delete) else change.new_pauses
    told: dict[str, Any] = {
        "pauses": [
            {**_pause_as_json(pause), **({"new": True} if pause in new else {})}
            for pause in change.pauses
        ]
    }
    if isinstance(change, Update) and change.pauses_left:
        told["pauses_left"] = [_pause_as_json(pause) for pause in change.pauses_left]
    return told


def _pause_as_json(pause: PauseInForce) -> dict[str, Any]:
    return {
        "scope": pause.scope,
        "target": pause.target,
        "reason": pause.reason,
        "paused_by": pause.paused_by,
        "started_at": _time(pause.started_at),
        "until": _time(pause.until),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
