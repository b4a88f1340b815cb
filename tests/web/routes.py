"""Every route of the app, with what it asks for: the table of the route walk.

A route without a row fails `test_route_walk.py`, and so does a row without a route. The paths are
filled from a small world: the job `test/job`, and a run of it that `ada` has started.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Needs = Literal["nothing", "viewer", "operator", "admin", "admin of all"]
"""The least role; "nothing" is for everybody, "admin of all" for one who is limited to no namespace."""
Caller = Literal[
    "without credentials", "wrong", "expired", "revoked", "wrong role", "wrong namespace",
    "another", "right",
]  # fmt: skip
"""Who calls. "another" has the role, and sees only his own runs: the one in the path is not his."""


@dataclass(frozen=True)
class Row:
    """What a route asks for, and how it is called."""

    needs: Needs
    of: Literal["namespace", "run", "all runs"] | None = None
    """Whose the object of the request is: for a caller of another namespace there is none, and a
    run there is not for who sees only his own runs, either; nor are figures of all runs."""
    good: int = 200
    """The answer to somebody who may."""
    path: Mapping[str, str] = field(default_factory=dict)
    """Values for the path beyond `namespace`, `name`, `schedule`, `queue` and `run_id`."""
    query: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    """The body, where the API takes one."""
    form: Mapping[str, str] | None = None
    """The body, where a page takes one."""
    run_is_over: bool = True
    """The run in the path has failed; False: it is queued."""


ROWS: Mapping[str, Row] = {
    "GET /static/{name:path}": Row("nothing", path={"name": "style.css"}),
    "GET /zone": Row("viewer"),
    "POST /zone": Row("viewer", good=303, form={"zone": "UTC"}),
    "GET /": Row("viewer"),
    "GET /jobs": Row("viewer"),
    "GET /jobs/{namespace}/{name}": Row("viewer", of="namespace"),
    "POST /jobs/{namespace}/{name}/run": Row("operator", of="namespace", good=303, form={}),
    "POST /jobs/{namespace}/{name}/pause": Row(
        "operator", of="namespace", good=303, form={"reason": "x", "until": "2h"}
    ),
    "POST /jobs/{namespace}/{name}/resume": Row("operator", of="namespace", good=409, form={}),
    "GET /api/v1/audit": Row("admin of all"),
    "GET /api/v1/pauses": Row("viewer"),
    "POST /api/v1/pauses": Row(
        "operator", of="namespace", json={"scope": "namespace", "target": "test"}
    ),
    "DELETE /api/v1/pauses": Row(
        "operator", of="namespace", good=409, query={"scope": "namespace", "target": "test"}
    ),
    "GET /sign-in": Row("nothing"),
    "POST /sign-in": Row("nothing", good=403),  # no browser says that it comes from a page of ours
    "GET /sign-in/link/{link}": Row("nothing", path={"link": "x"}),
    "POST /sign-in/link/{link}": Row("nothing", path={"link": "x"}, good=403),
    "POST /sign-out": Row("viewer", good=303),
    "GET /runs": Row("viewer"),
    "POST /runs/several": Row("operator", form={"act": "retry", "run": str(uuid.UUID(int=1))}),
    "GET /runs/{run_id}": Row("viewer", of="run"),
    "GET /runs/{run_id}/output": Row("viewer", of="run"),
    "GET /runs/{run_id}/stream": Row("viewer", of="run"),
    "POST /runs/{run_id}/cancel": Row("operator", of="run", good=303, run_is_over=False),
    "POST /runs/{run_id}/retry": Row("operator", of="run", good=303),
    "GET /queues": Row("viewer"),
    "GET /audit": Row("admin of all"),
    "GET /metrics": Row("viewer", of="all runs"),
    "GET /api/v1/health": Row("nothing"),
    "GET /api/v1/openapi.json": Row("nothing"),
    "GET /api/v1/status": Row("viewer"),
    "GET /api/v1/calendar": Row("viewer"),
    "GET /api/v1/health/ready": Row("nothing"),
    "GET /api/v1/queues": Row("viewer"),
    "GET /api/v1/workers": Row("viewer"),
    "GET /api/v1/plan": Row("viewer"),
    # The project of that world was never applied.
    "GET /api/v1/plan/drift": Row("viewer", good=404),
    "GET /api/v1/revisions": Row("viewer"),
    "GET /api/v1/revisions/{project}/{number}": Row(
        "viewer", good=404, path={"project": "test", "number": "1"}
    ),
    "GET /api/v1/jobs": Row("viewer"),
    "GET /api/v1/jobs/{namespace}/{name}": Row("viewer", of="namespace"),
    "GET /api/v1/jobs/{namespace}/{name}/next": Row("viewer", of="namespace"),
    "POST /api/v1/jobs/{namespace}/{name}/trigger": Row(
        "operator", of="namespace", good=202, json={}
    ),
    "POST /api/v1/jobs/{namespace}/{name}/pause": Row("operator", of="namespace", json={}),
    "POST /api/v1/jobs/{namespace}/{name}/resume": Row("operator", of="namespace", good=409),
    "POST /api/v1/jobs/{namespace}/{name}/backfill": Row(
        # The schedule of that world has no rule, so no times.
        "operator",
        of="namespace",
        good=409,
        json={"start": "2026-11-01", "end": "2026-11-02"},
    ),
    "GET /api/v1/schedules": Row("viewer"),
    "POST /api/v1/schedules": Row(
        "admin",
        of="namespace",
        good=201,
        json={"namespace": "test", "name": "new", "task": "acme.task"},
    ),
    "GET /api/v1/schedules/{namespace}/{name}": Row("viewer", of="namespace"),
    # The job of that world is of a project of files.
    "PUT /api/v1/schedules/{namespace}/{name}": Row(
        "admin", of="namespace", good=409, json={"task": "acme.task"}
    ),
    "PATCH /api/v1/schedules/{namespace}/{name}": Row(
        "admin", of="namespace", good=409, json={"enabled": False}
    ),
    "DELETE /api/v1/schedules/{namespace}/{name}": Row("admin", of="namespace", good=409),
    "POST /api/v1/schedules/{namespace}/{name}/enable": Row("admin", of="namespace", good=409),
    "POST /api/v1/schedules/{namespace}/{name}/disable": Row("admin", of="namespace", good=409),
    "GET /api/v1/runs": Row("viewer"),
    "GET /api/v1/runs/{run_id}": Row("viewer", of="run"),
    "GET /api/v1/runs/{run_id}/events": Row("viewer", of="run"),
    "GET /api/v1/runs/{run_id}/logs": Row("viewer", of="run"),
    "POST /api/v1/runs/{run_id}/cancel": Row("operator", of="run", run_is_over=False),
    "POST /api/v1/runs/{run_id}/retry": Row("operator", of="run", good=202),
    "POST /api/v1/runs/cancel": Row("operator", json={"ids": [str(uuid.UUID(int=1))]}),
    "POST /api/v1/runs/retry": Row("operator", json={"ids": [str(uuid.UUID(int=1))]}),
    "GET /calendar": Row("viewer"),
    "GET /changes": Row("viewer"),
    # Of a project that nobody has applied yet.
    "POST /changes/{project}/approve": Row(
        "admin of all", good=404, path={"project": "test"}, form={"digest": "0123456789ab"}
    ),
    "GET /changes/{project}/drift": Row("viewer", good=404, path={"project": "test"}),
    "GET /changes/{project}/revisions/{number}": Row(
        "viewer", good=404, path={"project": "test", "number": "1"}
    ),
    "GET /changes/{project}/revisions/{number}/rollback": Row(
        "admin of all", good=404, path={"project": "test", "number": "1"}
    ),
    "POST /changes/{project}/revisions/{number}/rollback": Row(
        "admin of all",
        good=404,
        path={"project": "test", "number": "1"},
        form={"digest": "0123456789ab"},
    ),
}


def expected(route: str, caller: Caller) -> int:
    """The status that the caller gets."""
    row = ROWS[route]
    if row.needs == "nothing":
        return row.good
    match caller:
        case "without credentials":
            # A person is led to where he signs in.
            return 401 if " /api/" in route or " /metrics" in route else 303
        case "wrong" | "expired" | "revoked":
            return 401
        case "wrong role":
            return 403
        case "wrong namespace" if row.needs == "admin of all":
            return 403
        case "wrong namespace" if row.of in {"namespace", "run"}:
            return 404
        case "another" if row.needs in {"admin", "admin of all"} or row.of == "all runs":
            return 403
        case "another" if row.of == "run":
            return 404
        case _:
            return row.good


def is_let_in(route: str, caller: Caller) -> bool:
    """Whether the route does for the caller what it is for."""
    row = ROWS[route]
    if row.needs == "nothing":
        return caller in {"without credentials", "right"}
    if caller == "wrong namespace":
        return row.of in {None, "all runs"} and row.needs != "admin of all"
    if caller == "another":
        return row.of in {None, "namespace"} and row.needs in {"viewer", "operator"}
    return caller == "right"


def is_refused(route: str, caller: Caller) -> bool:
    """Whether the route does nothing for the caller. No role is below a viewer's."""
    has_such = caller != "wrong role" or ROWS[route].needs != "viewer"
    return has_such and not is_let_in(route, caller)
