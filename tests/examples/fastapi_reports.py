"""The system of examples/fastapi-reports, as its users see it: an address, and who they are."""

import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from httpx2 import Client, Response, TransportError

from tests.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastapi-reports"
NOT_COPIED = shutil.ignore_patterns(".jobrunner", "__pycache__", "jwt_key", "files", "secrets")
REPORTS = "/api/v1/reports"
PERIODIC = "/api/v1/admin/periodic-tasks"
KEY = "k" * 48
PATIENCE_SECONDS = 120.0


def copy_example(folder: Path) -> None:
    """Into this folder, which may exist, with the key that the tests sign with."""
    shutil.copytree(EXAMPLE, folder, ignore=NOT_COPIED, dirs_exist_ok=True)
    (folder / "jwt_key").write_text(f"{KEY}\n", encoding="utf-8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass(frozen=True)
class Api:
    """The API at an address."""

    port: int

    def of(self, subject: str, **claims: object) -> Client:
        """As one of its users sees it."""
        until = datetime.now(UTC) + timedelta(hours=1)
        token = jwt.encode({"sub": subject, "exp": until, **claims}, KEY, algorithm="HS256")
        return Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_SECONDS,
        )

    @property
    def administrator(self) -> Client:
        return self.of("root", role="admin")

    def wait_for_answers(self) -> None:
        wait_until(self._answers, timeout_seconds=PATIENCE_SECONDS)

    def _answers(self) -> bool:
        with suppress(TransportError), self.administrator as client:
            return client.get(PERIODIC).status_code == 200
        return False


def ask(client: Client, organization: int, **wanted: object) -> Response:
    """For a sales report."""
    return client.post(f"{REPORTS}/{organization}/sales-report", json=wanted)


def ended(client: Client, asked: Response) -> dict[str, Any]:
    """The status of a report once it is neither waiting nor under way, as its location tells it."""
    assert asked.status_code == 202, asked.text
    deadline = time.monotonic() + PATIENCE_SECONDS
    told: dict[str, Any] = client.get(asked.headers["location"]).json()
    while told["status"] in {"PENDING", "STARTED"} and time.monotonic() < deadline:
        told = client.get(asked.headers["location"]).json()
    return told


def file_of(client: Client, asked: Response) -> Response:
    return client.get(asked.headers["location"].replace("/status", "/file"))
