"""`jobrunner.contrib.fastapi`: what a host mounts, who calls it, and runs in its transactions."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import Engine, NullPool, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from starlette.testclient import TestClient

from jobrunner.contrib.fastapi import HasTrigger, KnownCaller, mount
from jobrunner.errors import UsageError
from tests.contrib.conftest import Rows
from tests.from_code.conftest import url_for

KEY = "k" * 32
WRITE = text("INSERT INTO notes (written) VALUES (:written)")


def signed(subject: str, **claims: object) -> dict[str, str]:
    """The headers of a user of the host."""
    until = datetime.now(UTC) + timedelta(hours=1)
    token = jwt.encode({"sub": subject, "exp": until, **claims}, KEY, algorithm="HS256")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def host(database_url: str, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """An app with a route that writes a note and starts a run, and one that tells who calls."""
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    monkeypatch.setenv("JOBRUNNER_JWT_KEY", KEY)
    monkeypatch.setenv("JOBRUNNER_WEB_REQUESTS_PER_SECOND", "0")
    own = create_async_engine(url_for("asyncpg", database_url), poolclass=NullPool)

    async def session_of_request() -> AsyncIterator[AsyncSession]:
        async with AsyncSession(own) as session, session.begin():
            yield session

    HasSession = Annotated[AsyncSession, Depends(session_of_request, scope="function")]  # noqa: N806
    app = FastAPI()
    mount(app, "/jobs")

    @app.get("/me")
    def tell(caller: KnownCaller) -> str:
        return caller.subject

    @app.post("/notes/{written}", status_code=202)
    async def note(
        written: str, caller: KnownCaller, trigger: HasTrigger, session: HasSession
    ) -> str:
        run = await trigger("test/job", {"n": written}, session=session, created_by=caller.subject)
        if run.is_new:
            await session.execute(WRITE, {"written": written})
        if written == "refused":
            raise UsageError("Nobody wants that.")
        return str(run.run_id)

    return app


@pytest.fixture
def client(host: FastAPI, engine: Engine, job: str) -> Iterator[TestClient]:
    """Of ada; the job is there, and a table `notes`."""
    assert job
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (written text)"))
    with TestClient(host, base_url="http://127.0.0.1", headers=signed("ada")) as opened:
        yield opened


def notes(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT written FROM notes")).scalars())


def test_api_and_pages_are_there_below_the_path_with_addresses_of_their_own(
    client: TestClient,
) -> None:
    admin = signed("root", role="admin")
    page = client.get("/jobs/jobs", headers=admin)
    asked = client.post("/jobs/api/v1/jobs/test/job/trigger", headers=admin, json={})
    assert (page.status_code, 'href="/jobs/runs"' in page.text) == (200, True)
    assert client.get(asked.headers["location"], headers=admin).json()["job"] == "test/job"


@pytest.mark.parametrize("sent", ["/behind/jobs/jobs", "/jobs/jobs"])
def test_links_begin_with_what_the_server_says_is_in_front(
    host: FastAPI, job: str, sent: str
) -> None:
    # Servers put their root path in front of what a proxy sends; `FastAPI(root_path=…)` does not.
    assert job
    with TestClient(host, "http://127.0.0.1", root_path="/behind") as client:
        page = client.get(sent, headers=signed("root", role="admin"))
        signs_in = client.get(sent, follow_redirects=False)
    assert 'href="/behind/jobs/runs"' in page.text
    assert signs_in.headers["location"] == "/behind/jobs/sign-in?next=%2Fjobs"


def test_an_app_without_jobrunner_is_told_what_to_call() -> None:
    app = FastAPI()

    @app.get("/me")
    def tell(caller: KnownCaller) -> str:
        return caller.subject

    with (
        TestClient(app) as client,
        pytest.raises(RuntimeError, match=r"Call jobrunner\.contrib\.fastapi\.mount\(app"),
    ):
        client.get("/me")


def test_a_user_of_the_host_is_known_by_his_jwt_and_nobody_without(client: TestClient) -> None:
    assert client.get("/me").json() == "ada"
    refused = client.get("/me", headers={"Authorization": "Bearer nonsense"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["title"] == "These credentials are not known."


def test_the_run_exists_exactly_when_the_hosts_data_does(
    client: TestClient, rows: Rows, engine: Engine
) -> None:
    run_id = client.post("/notes/kept").json()
    refused = client.post("/notes/refused")
    assert (refused.status_code, refused.json()["title"]) == (422, "Nobody wants that.")
    assert [(str(row.id), row.kwargs) for row in rows()] == [(run_id, {"n": "kept"})]
    assert notes(engine) == ["kept"]


def test_the_answer_comes_after_the_commit(client: TestClient) -> None:
    run_id = client.post("/notes/kept").json()
    assert client.get(f"/jobs/api/v1/runs/{run_id}").status_code == 200


def test_fifty_equal_keys_at_once_are_one_run_and_one_note(
    client: TestClient, rows: Rows, engine: Engine
) -> None:
    def ask(_: int) -> str:
        told: str = client.post("/notes/kept", headers={"Idempotency-Key": "7"}).json()
        return told

    with ThreadPoolExecutor(50) as pool:
        told = set(pool.map(ask, range(50)))
    assert told == {str(row.id) for row in rows()}
    assert len(told) == len(notes(engine)) == 1


def test_a_key_with_other_arguments_is_refused_and_anothers_equal_key_is_another_request(
    client: TestClient, rows: Rows
) -> None:
    key = {"Idempotency-Key": "7"}
    client.post("/notes/kept", headers=key)
    assert client.post("/notes/other", headers=key).status_code == 409
    client.post("/notes/other", headers={**key, **signed("bob")})
    assert sorted(row.created_by for row in rows()) == ["ada", "bob"]


def test_whose_key_it_is_cannot_be_mistaken(client: TestClient, rows: Rows) -> None:
    client.post("/notes/kept", headers={"Idempotency-Key": "b:7", **signed("a")})
    client.post("/notes/kept", headers={"Idempotency-Key": "7", **signed("a:b")})
    assert sorted(row.created_by for row in rows()) == ["a", "a:b"]


def test_a_key_that_is_none_is_refused(client: TestClient) -> None:
    assert client.post("/notes/kept", headers={"Idempotency-Key": "a b"}).status_code == 422


def test_another_users_run_is_not_there(client: TestClient) -> None:
    run_id = client.post("/notes/kept").json()
    there = [f"/jobs/api/v1/runs/{run_id}", f"/jobs/runs/{run_id}"]
    bob = signed("bob")
    assert [client.get(path, headers=bob).status_code for path in there] == [404, 404]
    assert client.get("/jobs/api/v1/runs", headers=bob).json()["items"] == []
    assert [client.get(path).status_code for path in there] == [200, 200]


def test_a_path_that_is_none_is_told_of(host: FastAPI) -> None:
    with pytest.raises(UsageError, match="JOBRUNNER_WEB_PREFIX='jobs/'"):
        mount(host, "jobs/")
