"""What was applied and what waits: plans for a person to approve, revisions with their diff, roll back."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db import audit
from jobrunner.db.engine import of_one_moment, transaction
from jobrunner.db.history import get_revision
from jobrunner.db.overview import applied_projects
from jobrunner.db.pending import approve_pending, read_pending
from jobrunner.db.processes import read_processes
from jobrunner.db.revision_pages import RevisionPosition, get_seen_revision, page_of_revisions
from jobrunner.db.revisions import NOTIFIER
from jobrunner.errors import NotFound, UsageError
from jobrunner.plan.changes import changes_as_json
from jobrunner.reconcile import (
    ApplyOptions,
    Rollback,
    apply_within,
    plan_rollback,
    reading,
)
from jobrunner.recording import record_due
from jobrunner.web.comparisons import Comparison, compare
from jobrunner.web.context import HasWeb
from jobrunner.web.forms import Form, HasForm
from jobrunner.web.pages.diff import (
    CHANGES_SHOWN,
    change_rows,
    counts_of,
    notifier_rows,
    signed_counts,
)
from jobrunner.web.pages.rendering import page, see_other
from jobrunner.web.security import Administrator, Reader
from jobrunner.web.visible import (
    check_whole_project,
    visible_changes,
    visible_notifiers,
    visible_reason,
)

_REVISIONS_ON_PAGE = 20
_LOCK_TIMEOUT_SECONDS = 5.0
"""A person waits: somebody else's apply is told of, and not waited for."""
_NUMBER_MAX = 2**63 - 1

router = APIRouter(prefix="/changes", include_in_schema=False)

Name = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Number = Annotated[int, Path(ge=0, le=_NUMBER_MAX)]


@router.get("")
def changes(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    project: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=0, le=_NUMBER_MAX)] = None,
    said: str = "",
) -> Response:
    """What waits, and the newest revisions; `before` a number of the project."""
    with transaction(of_one_moment(web.engine)) as connection:
        waiting = [
            (one, visible_changes(caller, one.plan["changes"])) for one in read_pending(connection)
        ]
        after = _position(connection, project, before)
        found = page_of_revisions(
            connection, caller, project=project or None, after=after, limit=_REVISIONS_ON_PAGE + 1
        )
        projects = applied_projects(connection)
    return page(
        request,
        caller,
        "changes.html",
        waiting=[
            (
                one,
                visible_reason(caller, one.reason),
                notifier_rows(visible_notifiers(caller, one.notifiers)),
                change_rows(seen),
                len(seen),
                signed_counts(counts_of(seen)),
            )
            for one, seen in waiting
            if seen or caller.namespaces is None
        ],
        is_applying=any(one.approved_by for one, _ in waiting),
        revisions=[
            (one, signed_counts(one.counts), one.counts.get(NOTIFIER, 0))
            for one in found[:_REVISIONS_ON_PAGE]
        ],
        newest={one.name: one.revision for one in projects},
        next_before=found[_REVISIONS_ON_PAGE - 1] if len(found) > _REVISIONS_ON_PAGE else None,
        is_first=before is None,
        project=project,
        said=said,
        is_whole=caller.namespaces is None,
    )


def _position(connection: Connection, project: str, before: int | None) -> RevisionPosition | None:
    """Where the page begins."""
    if before is None:
        return None
    return RevisionPosition(get_revision(connection, project, before).created_at, project, before)


@router.post("/{project}/approve")
def approve(
    request: Request, web: HasWeb, caller: Administrator, project: Name, form: HasForm
) -> Response:
    """The watcher applies exactly the plan that is shown."""
    check_whole_project(caller)
    digest = _digest(form)
    with transaction(web.engine) as connection:
        approve_pending(connection, project, digest, by=caller.subject)
        audit.record(
            connection,
            actor=caller.subject,
            action="plan.approve",
            target=project,
            details={"digest": digest},
        )
    return see_other(request, "/changes", said="approved")


@router.get("/{project}/drift")
def drift(request: Request, web: HasWeb, caller: Reader, project: Name) -> Response:
    """What somebody has changed in the database since the last apply."""
    with transaction(web.engine) as connection:
        revisions = {one.name: one.revision for one in applied_projects(connection)}
    if not revisions.get(project):
        raise NotFound(
            f"Project {project} was never applied to this database.",
            hint="The page of changes shows the projects that were.",
        )

    look = web.comparisons.look(
        project,
        partial(compare, web.engine, project, web.now),
        is_again="hx-request" in request.headers,
    )
    return page(
        request,
        caller,
        "drift.html",
        project=project,
        revision=revisions[project],
        goes_on=look.goes_on,
        found=None if look.newest is None else _shown_drift(caller, look.newest),
    )


def _shown_drift(caller: Caller, newest: Comparison) -> dict[str, Any]:
    """What he sees of it."""
    plan = newest.drift.plan
    seen = visible_changes(caller, changes_as_json(plan.changes))
    edited = visible_changes(caller, _addressed(newest.drift.edited))
    return {
        "at": newest.at,
        "revision": plan.base_revision,
        "notifiers": notifier_rows(visible_notifiers(caller, plan.notifiers)),
        "changes": change_rows(seen),
        "number": len(seen),
        "edited": [one["address"] for one in edited],
    }


def _addressed(addresses: Sequence[str]) -> list[Mapping[str, Any]]:
    return [{"address": address} for address in addresses]


@router.get("/{project}/revisions/{number}")
def revision(
    request: Request, web: HasWeb, caller: Reader, *, project: Name, number: Number
) -> Response:
    """Who applied what, when, and from which commit."""
    with transaction(web.engine) as connection:
        found = get_seen_revision(connection, caller, project, number, limit=CHANGES_SHOWN)
        newest = {one.name: one.revision for one in applied_projects(connection)}[project]
    return page(
        request,
        caller,
        "revision.html",
        project=project,
        revision=found,
        newest=newest,
        notifiers=notifier_rows(visible_notifiers(caller, found.notifiers)),
        changes=change_rows(visible_changes(caller, found.changes)),
        number=sum(found.counts.values()) - found.counts.get(NOTIFIER, 0),
        counts=signed_counts(found.counts),
        is_whole=caller.namespaces is None,
    )


@router.get("/{project}/revisions/{number}/rollback")
def look_at_rollback(
    request: Request, web: HasWeb, caller: Administrator, *, project: Name, number: Number
) -> Response:
    """What it would change to have the jobs of that revision again."""
    check_whole_project(caller)
    with reading(web.engine) as connection:
        plan = plan_rollback(connection, Rollback(project, number))
        then = get_revision(connection, project, number)
        watchers = [
            seen.process.name
            for seen in read_processes(connection, kind="watch")
            if seen.is_alive and seen.process.details.get("project") == project
        ]
    told = changes_as_json(plan.changes)
    return page(
        request,
        caller,
        "rollback.html",
        project=project,
        revision=then,
        digest=plan.digest,
        changes=change_rows(told),
        number=len(told),
        counts=signed_counts(counts_of(told)),
        watchers=watchers,
    )


@router.post("/{project}/revisions/{number}/rollback")
def roll_back(
    request: Request,
    web: HasWeb,
    caller: Administrator,
    *,
    project: Name,
    number: Number,
    form: HasForm,
) -> Response:
    """Exactly what was shown, or nothing."""
    check_whole_project(caller)
    digest = _digest(form)
    with transaction(web.engine) as connection:
        options = _looked_at(connection, caller, project, number, digest)
        applied = apply_within(
            connection, Rollback(project, number), options=options, record_due=record_due
        )
        audit.record(
            connection,
            actor=caller.subject,
            action="rollback",
            target=project,
            details={"to": number, "digest": digest, "revision": applied.revision},
        )
    return see_other(request, "/changes", said="rolled back")


def _looked_at(
    connection: Connection, caller: Caller, project: str, number: int, digest: str
) -> ApplyOptions:
    """Who has seen the plan of this digest has seen what it deletes."""
    plan = plan_rollback(connection, Rollback(project, number))
    deleted = tuple(change.address for change in plan.deletes)
    return ApplyOptions(
        author=caller.subject,
        expected_digest=digest,
        allow_deletes=len(deleted),
        allow_protected=deleted,
        lock_timeout_seconds=_LOCK_TIMEOUT_SECONDS,
    )


def _digest(form: Form) -> str:
    """That of the plan that was shown. Raises UsageError without one: it would allow any plan."""
    digest = form.text("digest")
    if not digest:
        raise UsageError(
            "The form does not say which plan is meant.", hint="Open the page again and look at it."
        )
    return digest
