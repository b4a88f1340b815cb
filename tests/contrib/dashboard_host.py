"""A host with the dashboard's paths below a prefix of its own."""

import re
import uuid
from collections.abc import Callable, Iterator

import jwt
import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from jobrunner.contrib.dashboard import make_dashboard
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
PREFIX = "/api/dashboard"
_KEY = "k" * 32


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, jwt_key=_KEY, web_requests_per_second=0)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The app, mounted in a host's."""
    host = Starlette(routes=[Mount(PREFIX, make_dashboard(settings))])
    with TestClient(host, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def job_id(ledger: Ledger) -> uuid.UUID:
    return ledger.add_job(overlap="allow")


def of_host(subject: str, **claims: str) -> Headers:
    """A JWT of the host."""
    token = jwt.encode({"sub": subject, "exp": 4_000_000_000, **claims}, _KEY, algorithm="HS256")
    return {"Authorization": f"Bearer {token}"}


def call(client: TestClient, route: str, headers: Headers, run_id: object) -> Response:
    method, path = route.split(" ")
    filled = re.sub(r"\{\w+:path\}", "test/job", path).replace("{task_id}", str(run_id))
    return client.request(method, PREFIX + filled, headers=headers)


def execute(client: TestClient, headers: Headers, name: str, **body: object) -> Response:
    return client.post(f"{PREFIX}/tasks/{name}/execute/", headers=headers, json=body)
