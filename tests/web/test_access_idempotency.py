"""A request that is sent again with its key is done once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import APIRouter, Response
from httpx2 import Response as Answer
from pydantic import BaseModel
from sqlalchemy import Connection, Engine, text
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from jobrunner.db import audit
from jobrunner.errors import Conflict
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.security import Operator
from tests.web.conftest import SETTINGS, Headers

Post = Callable[..., Answer]
router = APIRouter()


class Thing(BaseModel):
    """What the route of the tests makes."""

    name: str


@router.post("/things")
def make_thing(caller: Operator, once: HasOnce, thing: Thing) -> Response:
    """Makes a row of the audit, or refuses to after that."""

    def act(connection: Connection) -> Response:
        audit.record(connection, actor=caller.subject, action="thing", target=thing.name)
        if thing.name == "refused":
            raise Conflict("It is refused.")
        made = connection.execute(text("SELECT max(id) FROM jobrunner.audit")).scalar_one()
        return JSONResponse({"id": made}, 201, headers={"Location": f"/things/{made}"})

    return once.answer(act)


@pytest.fixture
def post(engine: Engine, sign: Callable[..., Headers]) -> Iterator[Post]:
    """Sends a request with a key, as ada unless `headers` say otherwise."""
    app = make_app(Web(SETTINGS, engine))
    app.include_router(router)
    ada = sign("operator")
    with TestClient(app, base_url="http://127.0.0.1") as client:

        def send(key: str | None, name: str = "a", headers: Headers = ada) -> Answer:
            keyed: dict[str, Any] = {} if key is None else {"Idempotency-Key": key}
            return client.post("/things", json={"name": name}, headers={**headers, **keyed})

        yield send


@pytest.fixture
def acts(engine: Engine) -> Callable[[], int]:
    """How often it was done."""

    def count() -> int:
        with engine.begin() as connection:
            found = connection.execute(
                text("SELECT count(*) FROM jobrunner.audit WHERE action = 'thing'")
            )
            return int(found.scalar_one())

    return count


def test_the_same_request_is_done_once_and_answered_the_same(
    post: Post, acts: Callable[[], int]
) -> None:
    first, second = post("k"), post("k")
    assert (first.status_code, first.headers["location"]) == (201, f"/things/{first.json()['id']}")
    assert second.status_code == first.status_code
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["content-type"] == first.headers["content-type"]
    assert acts() == 1


def test_without_a_key_each_request_is_another(post: Post, acts: Callable[[], int]) -> None:
    post(None)
    post(None)
    assert acts() == 2


def test_fifty_at_once_are_one(post: Post, acts: Callable[[], int]) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post("k"), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert acts() == 1


def test_another_request_with_the_key_is_refused(post: Post, acts: Callable[[], int]) -> None:
    post("k")
    answer = post("k", "b")
    assert answer.status_code == 422
    assert "used for another request" in answer.json()["title"]
    assert acts() == 1


def test_a_key_belongs_to_its_subject(
    post: Post, acts: Callable[[], int], sign: Callable[..., Headers]
) -> None:
    post("k")
    post("k", headers=sign("operator", subject="bob"))
    assert acts() == 2


def test_a_token_with_other_rights_gets_no_answer_of_the_first(
    post: Post, sign: Callable[..., Headers]
) -> None:
    post("k")
    assert post("k", headers=sign("operator", namespaces=["other"])).status_code == 422


def test_what_was_refused_may_be_tried_again(post: Post, acts: Callable[[], int]) -> None:
    assert post("k", "refused").status_code == 409
    assert acts() == 0
    assert post("k").status_code == 201


def test_a_key_is_forgotten_after_a_day(
    post: Post, acts: Callable[[], int], engine: Engine
) -> None:
    post("old")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobrunner.answers SET created_at = now() - interval '25 hours'")
        )
    post("new")
    post("old")
    assert acts() == 3


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 201])
def test_what_is_no_key_is_refused(post: Post, key: str) -> None:
    assert post(key).status_code == 422
