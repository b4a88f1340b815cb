"""A plan in a file: both of its sides, from which it is made again, so that nothing in it can disagree.

What a saved plan shows and what it applies both follow from the definitions in it, and its digest
names these. Secrets are references in it and sensitive arguments are sealed, as in the database.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from jobrunner.alerts.shown_address import hidden_address
from jobrunner.errors import ConfigurationError
from jobrunner.plan.changes import Create, Delete, Plan
from jobrunner.plan.current import CurrentJob, CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.digest import spec_digest
from jobrunner.plan.load import Load
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.project import DefinedNotifier, Guards, Move

FORMAT_VERSION = 1
_MARK = "jobrunner plan"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a saved plan comes from, and what its project asks of an apply."""

    tool_version: str
    git_commit: str | None
    git_dirty: bool
    missing_folders: tuple[str, ...]
    guards: Guards
    git_committed_at: datetime | None = None
    rolled_back_to: int | None = None
    """The revision that it goes back to; None: it is of the files."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan says of the whole project."""

    unchanged: int
    jobs_before: int
    jobs_after: int
    load_before: Load
    load_after: Load
    horizon: timedelta
    targets: tuple[str, ...]
    left_out: int
    signatures: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """Of both sides only the jobs and notifiers that the plan touches."""

    origin: Origin
    environment: str
    current: CurrentProject
    jobs: tuple[DefinedJob, ...]
    """The definitions to write, complete."""
    moves: tuple[Move, ...]
    now: datetime
    """The database's clock when the plan was made."""
    digest: str
    figures: Figures
    notifiers: Mapping[str, DefinedNotifier] = field(default_factory=dict)
    """Those to write, with their addresses; of the earlier ones only fingerprints are kept."""

    def plan(self) -> Plan:
        """As it was shown when it was saved."""
        made = make_plan(
            self.current, self.jobs, now=self.now, environment=self.environment, moves=self.moves
        )
        made = with_notifiers(made, self.current.notifiers, self.notifiers)
        figures = {name: getattr(self.figures, name) for name in Figures.__dataclass_fields__}
        return replace(made, relocated=(), **figures)


def make_saved(
    plan: Plan,
    current: CurrentProject,
    moves: Sequence[Move],
    origin: Origin,
) -> SavedPlan:
    """What to keep of a plan that was made from `current`."""
    return SavedPlan(
        origin=origin,
        environment=plan.environment,
        current=only_touched(current, plan),
        jobs=tuple(change.job for change in plan.changes if not isinstance(change, Delete)),
        moves=tuple(moves) if plan.moves else (),
        now=plan.now,
        digest=plan.digest,
        figures=Figures(**{name: getattr(plan, name) for name in Figures.__dataclass_fields__}),
        notifiers={
            change.name: DefinedNotifier(change.url, change.location)
            for change in plan.notifiers
            if change.location is not None
        },
    )


def only_touched(current: CurrentProject, plan: Plan) -> CurrentProject:
    """Without the jobs and the notifiers that the plan leaves alone, and without any address."""
    changes = plan.changes
    ids = {change.job_id for change in changes if not isinstance(change, Create)}
    created = {change.address for change in changes if isinstance(change, Create)}
    touched = tuple(job for job in current.jobs if job.id in ids or job.address in created)
    addresses = created.union(job.address for job in touched)
    pauses = {pause for change in changes for pause in change.pauses}
    pauses.update(pause for update in plan.updates for pause in update.pauses_left)
    return replace(
        current,
        jobs=touched,
        pauses=tuple(pause for pause in current.pauses if pause in pauses),
        deleted={address: at for address, at in current.deleted.items() if address in created},
        ended_runs={at: runs for at, runs in current.ended_runs.items() if at in addresses},
        served_queues=None,
        notifiers={
            change.name: hidden_address(current.notifiers[change.name])
            for change in plan.notifiers
            if change.name in current.notifiers
        },
    )


def stale_because(saved: SavedPlan, current: CurrentProject) -> Iterator[str]:
    """What has become of the jobs that the plan touches since it was saved, one sentence each."""
    if current.revision < saved.current.revision:
        yield (
            f"It was made from revision {saved.current.revision} of project {current.name}, and this "
            f"database holds revision {current.revision}."
        )
        return
    before = {job.id: job for job in saved.current.jobs}
    by_address = {job.address: job for job in current.jobs}
    by_id = {job.id: job for job in current.jobs}
    plan = saved.plan()
    for notifier in plan.notifiers:
        yield from _what_became_of_notifier(notifier, current)
    for change in plan.changes:
        if isinstance(change, Create):
            there = by_address.get(change.address)
            if there is not None:
                yield f"{change.address} has been created in revision {there.revision}."
        else:
            yield from _what_became(change.address, before[change.job_id], by_id.get(change.job_id))


def _what_became_of_notifier(before: NotifierChange, current: CurrentProject) -> Iterator[str]:
    now = current.notifiers.get(before.name)
    if now is None and before.old is not None:
        yield f"The notifier {before.name} has been removed."
    elif now is not None and before.old is None:
        yield f"The notifier {before.name} has been added."
    elif now is not None and hidden_address(now) != before.old:
        yield f"The notifier {before.name} has another address by now."


def _what_became(address: str, before: CurrentJob, now: CurrentJob | None) -> Iterator[str]:
    if now is None:
        yield f"{address} has been deleted."
    elif now.revision != before.revision or now.address != before.address:
        yield f"{address} has been changed in revision {now.revision}."
    elif _digest(now) != _digest(before):
        yield f"{address} has been changed in the database, by no revision."


def _digest(job: CurrentJob) -> str:
    return "" if job.in_force is None else spec_digest(job.in_force)


_ADAPTER = TypeAdapter(SavedPlan)


def saved_as_text(saved: SavedPlan) -> str:
    """The file."""
    body = _ADAPTER.dump_python(saved, mode="json", by_alias=True)
    document = {"kind": _MARK, "format_version": FORMAT_VERSION, **body}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def read_saved(text: str, name: str) -> SavedPlan:
    """What `saved_as_text` has written.

    Raises ConfigurationError for a file that is cut, of something else, or edited since.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(f"{name} is no saved plan, or it is cut: it is not JSON.") from error
    if not isinstance(document, dict) or document.get("kind") != _MARK:
        raise _unusable(f"{name} is no saved plan.")
    if document.get("format_version") != FORMAT_VERSION:
        raise _unusable(
            f"{name} is a saved plan of another version of jobrunner, "
            f"with format {document.get('format_version')}; this one reads {FORMAT_VERSION}."
        )
    try:
        saved = _ADAPTER.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _unusable(f"{name} cannot be used: {where}: {first['msg']}.") from error
    if saved.plan().digest != saved.digest:
        raise _unusable(f"{name} has been edited: what it holds is not what its digest names.")
    return saved


def _unusable(message: str) -> ConfigurationError:
    return ConfigurationError(message, hint="Make it anew: jobrunner plan --out FILE")
