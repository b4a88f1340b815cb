"""The system of examples/dashboard, as its users see it: addresses, and who they are."""

import re
import shutil
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from httpx2 import Client, Response, TransportError
from sqlalchemy import Engine, text

from tests.project import Project, StartedProcess
from tests.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "dashboard"
NOT_COPIED = shutil.ignore_patterns(".jobrunner", "__pycache__", "exports")
API = "/api/dashboard"
TASKS = f"{API}/celery/tasks/"
KEY = "k" * 48
PATIENCE_SECONDS = 240.0
IS_OVER = {"SUCCESS", "FAILURE", "REVOKED"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass(frozen=True)
class Site:
    """The dashboard and what runs behind it."""

    project: Project
    up: StartedProcess
    port: int
    engine: Engine

    def of(self, user: str, **claims: object) -> Client:
        """The dashboard as one of its users sees it."""
        return _client(f"http://127.0.0.1:{self.port}", user, tuple(claims.items()))

    @property
    def staff(self) -> Client:
        return self.of("grace", role="operator")

    def pages_of(self, user: str) -> Client:
        """The pages and the API of jobrunner, as he sees them."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.up.wait_for_line("/sign-in/link/"))
        assert found is not None
        return _client(found[0], user, ())

    def is_complete(self) -> bool:
        """Both servers answer, and both workers are there."""
        with suppress(TransportError):
            is_ready = self.pages_of("grace").get("/api/v1/health").status_code == 200
            status = self.staff.get(f"{API}/celery/status/")
            return is_ready and status.is_success and status.json()["worker_count"] == 2
        return False

    def execute(self, name: str, *, user: str | None = None, **kwargs: object) -> str:
        """The id of the task."""
        body = {"kwargs": kwargs, "user": user}
        answer = self.staff.post(f"{TASKS}{name}/execute/", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["task_id"])

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task, once it is over."""
        wait_until(
            lambda: self.task(task_id)["status"] in IS_OVER, timeout_seconds=PATIENCE_SECONDS
        )
        return self.task(task_id)

    def task(self, task_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.staff.get(f"{TASKS}{task_id}/").json()
        return told

    def ask(self, statement: str, **values: object) -> Any:
        """One value of the database."""
        with self.engine.begin() as connection:
            return connection.execute(text(statement), values).scalar()

    def do(self, statement: str, **values: object) -> None:
        """Change the database, and wake the beat."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)
            connection.execute(text("NOTIFY jobrunner"))


@cache
def _client(address: str, user: str, claims: tuple[tuple[str, object], ...]) -> Client:
    until = datetime.now(UTC) + timedelta(hours=1)
    token = jwt.encode({"sub": user, "exp": until, **dict(claims)}, KEY, algorithm="HS256")
    return Client(
        base_url=address,
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_SECONDS,
    )


def export(client: Client, form: str) -> Response:
    """Ask for a file with the activities of the last days."""
    today = datetime.now(UTC).date()
    days = {"first_day": str(today - timedelta(days=20)), "last_day": str(today)}
    return client.post(f"{API}/exports/", json={"form": form, **days})


def unknown_id() -> str:
    return str(uuid.uuid4())
