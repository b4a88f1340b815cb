"""`jobrunner.Client`: the REST API for Python programs on any machine, without a database.

It needs nothing but the standard library. What the server tells beyond these values is left out.
"""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from uuid import UUID

from jobrunner.errors import (
    AccessDenied,
    Conflict,
    JobrunnerError,
    NotFound,
    ServerUnavailable,
    StalePlan,
    UsageError,
    first_line,
)

_FIRST_LOOK_SECONDS = 0.1
_LONGEST_LOOK_SECONDS = 2.0
_ERRORS: Mapping[int, type[JobrunnerError]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.PRECONDITION_FAILED: StalePlan,
    HTTPStatus.BAD_REQUEST: UsageError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: UsageError,
    HTTPStatus.UNPROCESSABLE_ENTITY: UsageError,
}
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Job:
    """A job in force."""

    address: str
    """`namespace/job`."""
    enabled: bool
    paused: bool
    queue: str
    tags: tuple[str, ...]
    owner: str
    next_run_at: datetime | None
    """The first of all its schedules."""


@dataclass(frozen=True, slots=True)
class Triggered:
    """A run that was asked for."""

    run_id: UUID
    outcome: str
    """`queued`, `held` (it waits for another run) or `skipped` (another one is not over)."""
    is_new: bool
    """False: an earlier request with the same id made it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is now."""

    id: UUID
    job: str
    schedule: str | None
    """Which started it; None: none did."""
    trigger: str
    state: str
    attempt: int
    """How many have started."""
    scheduled_for: datetime
    started_at: datetime | None
    """Of the newest attempt."""
    finished_at: datetime | None
    error: str | None
    result: Any = None
    """What it has returned; of one run alone, a list leaves it out."""

    @property
    def is_over(self) -> bool:
        """It is in its last state."""
        return self.state not in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of a job, and what has become of it."""

    name: str
    in_words: str | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    total_run_count: int
    error: str | None


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job with its definition and its schedules."""

    address: str
    definition: dict[str, Any] | None
    """By the keys of a job file; sensitive arguments are masked."""
    digest: str
    """Of the definition: what a change may name, to change nothing else."""
    enabled: bool
    is_read_only: bool
    """A file defines it."""
    file: str | None
    line: int | None
    schedules: tuple[Schedule, ...]
    warnings: tuple[str, ...]
    """Of a change alone: what is taken, and perhaps not meant."""


class Client:
    """Calls a server (`jobrunner web`) with a token (`jobrunner token create`).

    Each call raises ServerUnavailable when there is no server or it is busy, AccessDenied, NotFound,
    Conflict, and UsageError for what the server does not take. A change whose answer is lost may have
    been made. Threads may share a client.
    """

    def __init__(self, base_url: str, token: str, *, timeout_seconds: float = 30.0) -> None:
        """`base_url` as `https://jobs.example.com`, with the path under which the pages are."""
        if not base_url.startswith(("https://", "http://")):
            raise UsageError(
                f"{base_url!r} is no web address.", hint="Write it with https:// in front."
            )
        self._url = f"{base_url.rstrip('/')}/api/v1"
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirect)

    def jobs(self, **filters: str) -> Iterator[Job]:
        """The jobs in force, by address; `namespace`, `tag`, `queue`, `owner`, `state`, `text` narrow it."""
        return (_value(Job, one) for one in self._pages("/jobs", filters))

    def next_times(self, job: str, *, count: int = 5) -> tuple[datetime, ...]:
        """When the job `namespace/job` is due next."""
        told = self._call("GET", f"{_path('jobs', job)}/next", query={"count": count})
        return tuple(datetime.fromisoformat(one["at"]) for one in told["items"])

    def trigger(
        self,
        job: str,
        kwargs: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
        force: bool = False,
    ) -> Triggered:
        """A run now; `kwargs` are laid over the job's own. The same `request_id` again gives the same run,
        so that a call whose answer is lost can be made again. It obeys `overlap` unless `force`.
        """
        body = {"kwargs": kwargs, "request_id": request_id, "force": force}
        return _value(Triggered, self._call("POST", f"{_path('jobs', job)}/trigger", body=body))

    def pause(self, job: str, *, reason: str = "", until: datetime | None = None) -> None:
        """Its schedules start nothing until then, which needs a zone; None: until `resume`."""
        body = {"reason": reason, "until": None if until is None else until.isoformat()}
        self._call("POST", f"{_path('jobs', job)}/pause", body=body)

    def resume(self, job: str) -> None:
        """End the job's own pause."""
        self._call("POST", f"{_path('jobs', job)}/resume")

    def runs(self, **filters: str) -> Iterator[Run]:
        """The newest first; `job`, `namespace`, `queue`, `state`, `trigger`, `since`, `until` narrow it."""
        return (_value(Run, one) for one in self._pages("/runs", filters))

    def run(self, run_id: UUID) -> Run:
        """One with its result."""
        return _value(Run, self._call("GET", f"/runs/{run_id}"))

    def wait(self, run_id: UUID, *, timeout_seconds: float) -> Run:
        """The run once it is over, or as it is when the time has passed: look at `is_over`."""
        deadline = time.monotonic() + timeout_seconds
        look_again = _FIRST_LOOK_SECONDS
        while True:
            found = self.run(run_id)
            left = deadline - time.monotonic()
            if found.is_over or left <= 0:
                return found
            time.sleep(min(look_again, left))
            look_again = min(look_again * 1.5, _LONGEST_LOOK_SECONDS)

    def output(self, run_id: UUID) -> str:
        """What it has printed and logged so far."""
        pieces: list[str] = []
        query: dict[str, Any] = {"limit": 1_000}
        while True:
            told = self._call("GET", f"/runs/{run_id}/logs", query=query)
            pieces += [one["text"] for one in told["items"]]
            if len(told["items"]) < query["limit"]:
                return "".join(pieces)
            query["after"] = told["next_after"]

    def cancel(self, run_id: UUID) -> str:
        """`cancelled`: it never starts. `running`: it was told to end."""
        return str(self._call("POST", f"/runs/{run_id}/cancel")["state"])

    def retry(self, run_id: UUID) -> Triggered:
        """What has ended runs again: a new run."""
        return _value(Triggered, self._call("POST", f"/runs/{run_id}/retry"))

    def schedules(self, *, namespace: str | None = None) -> Iterator[ScheduledJob]:
        """The jobs that the API owns, by address."""
        filters = {} if namespace is None else {"namespace": namespace}
        return (_scheduled_job(one) for one in self._pages("/schedules", filters))

    def schedule(self, job: str) -> ScheduledJob:
        """One job with its definition, also of a file."""
        return _scheduled_job(self._call("GET", _path("schedules", job)))

    def create_schedule(self, job: str, definition: Mapping[str, Any]) -> ScheduledJob:
        """A new job, by the keys that a job has in a job file. A deleted one returns with its history."""
        namespace, _, name = job.partition("/")
        body = {**definition, "namespace": namespace, "name": name}
        return _scheduled_job(self._call("POST", "/schedules", body=body))

    def replace_schedule(
        self, job: str, definition: Mapping[str, Any], *, digest: str | None = None
    ) -> ScheduledJob:
        """A new definition for it. Raises StalePlan when it has another one than that of `digest`."""
        return self._changed("PUT", job, definition, digest)

    def change_schedule(
        self, job: str, patch: Mapping[str, Any], *, digest: str | None = None
    ) -> ScheduledJob:
        """Some of its keys: mappings merge, None removes. Raises StalePlan as `replace_schedule` does."""
        return self._changed("PATCH", job, patch, digest)

    def enable_schedule(self, job: str) -> ScheduledJob:
        """Its schedules start runs again; what passed meanwhile is not made up for."""
        return _scheduled_job(self._call("POST", f"{_path('schedules', job)}/enable"))

    def disable_schedule(self, job: str) -> ScheduledJob:
        """Its schedules start nothing more."""
        return _scheduled_job(self._call("POST", f"{_path('schedules', job)}/disable"))

    def delete_schedule(self, job: str, *, allow_protected: bool = False) -> None:
        """The job is gone; its runs stay."""
        query = {"allow_protected": "true" if allow_protected else "false"}
        self._call("DELETE", _path("schedules", job), query=query)

    def _changed(
        self, method: str, job: str, body: Mapping[str, Any], digest: str | None
    ) -> ScheduledJob:
        headers = {} if digest is None else {"If-Match": f'"{digest}"'}
        return _scheduled_job(
            self._call(method, _path("schedules", job), body=body, headers=headers)
        )

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            told = self._call("GET", path, query={**query, **more})
            yield from told["items"]
            cursor = told["next_cursor"]

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(  # noqa: S310  the scheme was looked at
            url,
            method=method,
            data=None if body is None else _as_json(body),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                told = answer.read()
        except HTTPError as error:
            raise _error_of(error) from None
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            raise self._unreachable(error) from error
        return json.loads(told) if told else None

    def _unreachable(self, error: Exception) -> ServerUnavailable:
        reason = getattr(error, "reason", None) or error
        return ServerUnavailable(
            f"The server {self._url} does not answer: {reason}.",
            hint="Check the address, and that `jobrunner web` runs.",
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token is for one server: it follows nobody elsewhere."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Nothing follows."""


def _as_json(body: object) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"This cannot be sent: {first_line(error)}.", hint="Give JSON values, without NaN."
        ) from error


def _path(kind: str, job: str) -> str:
    namespace, _, name = job.partition("/")
    return f"/{kind}/{quote(namespace, safe='')}/{quote(name, safe='')}"


def _error_of(error: HTTPError) -> JobrunnerError:
    """What the server says, as the exception that the same mistake is elsewhere."""
    told = _problem_in(error)
    message = str(told.get("title") or f"The server answered {error.code} {error.reason}.")
    hint = str(told.get("detail") or "")
    if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AccessDenied(message, is_known=error.code == HTTPStatus.FORBIDDEN, hint=hint)
    return _ERRORS.get(error.code, ServerUnavailable)(message, hint=hint)


def _problem_in(error: HTTPError) -> Mapping[str, Any]:
    with error:
        try:
            told = json.loads(error.read())
        except (ValueError, OSError):
            return {}  # of a proxy in between
    return told if isinstance(told, dict) else {}


def _scheduled_job(told: Mapping[str, Any]) -> ScheduledJob:
    schedules = tuple(_value(Schedule, one) for one in told["schedules"])
    warnings = tuple(one["message"] for one in told["warnings"])
    return _value(ScheduledJob, {**told, "schedules": schedules, "warnings": warnings})


def _value(kind: type[_Value], told: Mapping[str, Any]) -> _Value:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: _read(name, told[name]) for name in known & told.keys()})


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_at") or name == "scheduled_for":
        return datetime.fromisoformat(value)
    if name in {"id", "run_id"}:
        return UUID(value)
    return tuple(value) if isinstance(value, list) and name != "result" else value
