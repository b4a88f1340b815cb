"""The audit: who did what, the newest first. For administrators of all namespaces."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from jobrunner.db.audit import known_actions, page_of_acts
from jobrunner.db.engine import transaction
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page
from jobrunner.web.security import AdministratorOfAll

_ACTS_ON_PAGE = 50

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/audit")
def audit(
    request: Request,
    web: HasWeb,
    caller: AdministratorOfAll,
    *,
    target: Short = "",
    actor: Short = "",
    action: Short = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """A page of it; `before` is the last id of the page before."""
    query = {"target": target.strip(), "actor": actor.strip(), "action": action}
    with transaction(web.engine) as connection:
        found = page_of_acts(
            connection,
            actor=query["actor"] or None,
            action=action or None,
            target=query["target"],
            before=before,
            limit=_ACTS_ON_PAGE + 1,
        )
        actions = known_actions(connection)
    shown = found[:_ACTS_ON_PAGE]
    return page(
        request,
        caller,
        "audit.html",
        acts=[(act, _details(act.details)) for act in shown],
        next_before=shown[-1].id if len(found) > len(shown) else None,
        is_first=before is None,
        is_all=not any(query.values()),
        query=query,
        actions=actions,
    )


def _details(details: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Name and value, of those that say something."""
    return [
        (name.replace("_", " "), value if isinstance(value, str) else _json(value))
        for name, value in details.items()
        if value not in (None, "", [], {}, False)
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
