"""The system of examples/request-processing, as somebody outside of it sees it: a folder and an address."""

import json
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.project import Project
from tests.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "request-processing"
NOT_COPIED = shutil.ignore_patterns(".jobrunner", ".run", "__pycache__")
REQUESTS = "/api/requests/"


def copy_example(folder: Path) -> None:
    """Into this folder, which may exist."""
    shutil.copytree(EXAMPLE, folder, ignore=NOT_COPIED, dirs_exist_ok=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Their names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """What one person has open, as far as a server knows: cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask("GET", path, dict(headers or {}), None)

    def post(self, path: str, body: str, content_type: str = "application/json") -> Answer:
        headers = {"Content-Type": content_type, "X-CSRFToken": self.cookies.get("csrftoken", "")}
        return self._ask("POST", path, headers, body)

    def sign_in(self, name: str, password: str) -> bool:
        self.get("/login/")
        form = urlencode({"username": name, "password": password})
        self.post("/login/", form, "application/x-www-form-urlencoded")
        return "sessionid" in self.cookies

    def make_request(self, *orders: str) -> Answer:
        return self.post(REQUESTS, json.dumps({"orders": "\n".join(orders)}))

    def status(self, request_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.get(f"{REQUESTS}{request_id}/").json
        return told

    def events(self, request_id: str) -> list[dict[str, Any]]:
        """All live events, until the server ends them."""
        body = self.get(f"{REQUESTS}{request_id}/events/").body.decode()
        return [json.loads(one) for one in re.findall("^data: (.*)$", body, re.MULTILINE)]

    def answers(self) -> bool:
        with suppress(OSError, HTTPException, AssertionError):
            return self.get("/login/").status == 200
        return False

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str | None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        told = {**headers, "Cookie": cookies, "Referer": f"http://127.0.0.1:{self.port}/"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            # The server of the development starts anew whenever code of jobrunner was changed, too.
            wait_until(lambda: _connects(connection), timeout_seconds=60.0)
            connection.request(method, path, body=body, headers=told)
            response = connection.getresponse()
            content = response.read()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        small = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, small, content)


def _connects(connection: HTTPConnection) -> bool:
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def edited(project: Project, path: str, *changes: tuple[str, str]) -> Iterator[None]:
    """A file of the project with other texts in it, for the length of the context."""
    before = (project.path / path).read_text(encoding="utf-8")
    after = before
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    _replace(project, path, after)
    try:
        yield
    finally:
        _replace(project, path, before)


def _replace(project: Project, path: str, text: str) -> None:
    """In one step: whoever watches it never sees an empty file, which would be applied as one."""
    project.write("replacement", text).replace(project.path / path)
