"""No way of writing a path passes a guard: the permission is the matched route's own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocketDisconnect

from tests.web.conftest import Headers

_PATHS = ("/api/v1/status", "/api/v1/audit", "/api/v1/jobs/test/job/trigger", "/audit", "/jobs")
_PUBLIC = ("/api/v1/health", "/sign-in", "/static/style.css")


def _variations(path: str) -> list[str]:
    """The same path as a careless guard, proxy or framework might take it."""
    tail = path[1:]
    last = path.rpartition("/")[2]
    parent = path.rpartition("/")[0]
    return [
        path.upper(), path.title(), path[:-1] + path[-1].upper(),
        f"/{path}", f"//{path}", path.replace("/", "//"), f"/.{path}", f"/./{tail}", f"/x/..{path}",
        f"{path}/", f"{path}//", f"{path}/.", f"{path}/..", f"{path}/./", f"{path}%2f", f"{path}%2F",
        f"{path}%20", f"{path}%09", f"{path}%00", f"{path}%0a", f"{path}%0d%0a", f"{path}.json",
        f"{path}.html", f"{path};", f"{path};x", f"{path};x=1", f"{path};.css", f"{path}%3b",
        f"{path}%3f", f"{path}?", f"{path}?x=/api/v1/health", f"{path}%23", f"{path}..;/",
        f"/..;{path}", f"/%2e{path}", f"/%2e%2e{path}", f"{parent}%2f{last}", f"{parent}%5c{last}",
        f"{parent}/%2e/{last}", f"{parent}/{last[0]}%{ord(last[1]):02x}{last[2:]}",
        f"{parent}/%{ord(last[0]):02X}{last[1:]}", f"{parent}/{last}%c0%af", f"{path}~", f"{path}*",
        f"/static/..{path}", f"/static/%2e%2e{path}", f"/static/..%2f{tail}", f"/sign-in{path}",
        f"/sign-in/..{path}", f"/sign-in;{path}", f"/api/v1/health/..{path}",
        f"/api/v1/health/%2e%2e/%2e%2e/%2e%2e{path}", f"/api/v1/health;{path}",
        f"http://localhost{path}", f"HTTPS://localhost/{path}", f"http://localhost{path}%00",
        f"/\\{tail}", f"{path}\\", f"/api%2fv1{path}", f"/%61pi/v1{path.removeprefix('/api/v1')}",
    ]  # fmt: skip


VARIATIONS = sorted({varied for path in _PATHS for varied in _variations(path)})
_REFUSALS = frozenset({303, 400, 401, 403, 404, 405})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "X-ADMIN")


def test_fault_74_there_are_200_variations_and_more() -> None:
    assert len(VARIATIONS) >= 200


@pytest.mark.parametrize("method", METHODS)
def test_fault_74_no_path_reads_or_acts_without_credentials(
    client: TestClient, method: str
) -> None:
    answered = asyncio.run(_statuses(client.app, method, VARIATIONS, {}))
    let_in = {path for path, status in answered.items() if status not in _REFUSALS}
    assert {path for path in let_in if not path.startswith(_PUBLIC)} == set()


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_fault_74_no_path_makes_more_of_a_role(
    client: TestClient, sign: Callable[..., Headers], method: str
) -> None:
    administers = [varied for path in _PATHS[1:4] for varied in _variations(path)]
    answered = asyncio.run(_statuses(client.app, method, administers, sign("viewer")))
    let_in = {path for path, status in answered.items() if 200 <= status < 300}
    assert {path for path in let_in if not path.startswith(_PUBLIC)} == set()


async def _statuses(
    app: ASGIApp, method: str, paths: Sequence[str], headers: Headers
) -> Mapping[str, int]:
    """What each path is answered, sent as it is written: a client would put it in order first."""
    found = {}
    for path in paths:
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"host", b"localhost"),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
        }
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message, told: list[Message] = told) -> None:
            told.append(message)

        await app(scope, receive, send)
        found[path] = int(told[0]["status"])
    return found


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/api/v1/health", 200),
        ("HTTP://127.0.0.1:80/api/v1/%68ealth?x=1", 200),
        ("http://localhost", 303),
        ("http://elsewhere.example/api/v1/health", 421),
        ("http://localhost@elsewhere.example/api/v1/health", 421),
        ("http:///api/v1/health", 421),
        ("ftp://localhost/api/v1/health", 404),
    ],
)
def test_a_whole_address_is_the_same_as_the_path_at_that_host(
    client: TestClient, target: str, status: int
) -> None:
    assert asyncio.run(_statuses(client.app, "GET", [target], {})) == {target: status}


@pytest.mark.parametrize(
    "name",
    [
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Prefix",
    ],
)
def test_fault_74_no_header_makes_another_request_of_it(client: TestClient, name: str) -> None:
    answer = client.get("/api/v1/status", headers={name: "/api/v1/health"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", _PATHS)
def test_fault_74_a_websocket_is_no_way_in(client: TestClient, path: str) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
        pass


@pytest.mark.parametrize("token_in", ["token", "access_token", "authorization", "api_key"])
def test_credentials_are_never_taken_from_an_address(
    client: TestClient, sign: Callable[..., Headers], token_in: str
) -> None:
    token = sign("admin")["Authorization"].removeprefix("Bearer ")
    assert client.get("/api/v1/status", params={token_in: token}).status_code == 401


def test_fault_74_head_asks_for_what_get_asks_for(
    client: TestClient, sign: Callable[..., Headers]
) -> None:
    assert client.head("/api/v1/status").status_code == 401
    assert client.head("/api/v1/audit", headers=sign("viewer")).status_code == 403


@pytest.mark.parametrize(
    "run_id",
    [
        "..",
        "../../etc/passwd",
        "%2e%2e%2fetc%2fpasswd",
        "1",
        "0" * 32 + "x",
        "%00",
        "x" * 5000,
        "*",
    ],
)
def test_fault_75_an_id_that_is_none_opens_no_file(
    client: TestClient, sign: Callable[..., Headers], run_id: str
) -> None:
    answer = client.get(f"/api/v1/runs/{run_id}/logs", headers=sign("admin"))
    assert answer.status_code in {404, 422}
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "';DROP TABLE jobrunner.tokens;--",
        "$(id)",
        "`id`",
        "<script>alert(1)</script>",
        '"},x="',
        "a%0d%0aSet-Cookie: x=1",
    ],
)
def test_fault_76_a_name_is_only_ever_a_name(
    client: TestClient, sign: Callable[..., Headers], name: str
) -> None:
    headers = sign("admin")
    answer = client.get(f"/api/v1/jobs/test/{name}", headers=headers)
    assert answer.status_code in {404, 422}
    assert "set-cookie" not in answer.headers
    assert client.get("/api/v1/status", headers=headers).status_code == 200
