"""Who gets in."""

from collections.abc import Callable

from starlette.testclient import TestClient

from tests.web.conftest import Headers


def test_without_credentials_nothing_is_read(client: TestClient) -> None:
    answer = client.get("/api/v1/status")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_opens_what_its_role_may_read(
    client: TestClient, sign: Callable[..., Headers]
) -> None:
    assert client.get("/api/v1/status", headers=sign("viewer")).status_code == 200
