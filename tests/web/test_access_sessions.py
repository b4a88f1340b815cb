"""Signing in to the pages, what a session is good for, and when it ends."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from jobrunner.access.sessions import new_session, parse_session
from jobrunner.access.tokens import parse_token
from jobrunner.db.engine import transaction
from jobrunner.db.sessions import insert_link
from jobrunner.db.tokens import revoke_token
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.web.conftest import SETTINGS, Headers

OURS = {"Origin": "http://127.0.0.1"}


@pytest.fixture
def token(sign: Callable[..., Headers]) -> str:
    """A token of ada, an operator."""
    return sign("operator")["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def signed_in(client: TestClient, token: str) -> TestClient:
    """A browser that has signed in with it."""
    answer = client.post("/sign-in", data={"token": token}, headers=OURS, follow_redirects=False)
    assert answer.status_code == 303
    return client


@pytest.fixture
def link(engine: Engine) -> str:
    """A fresh one-time link."""
    made = new_session()
    with transaction(engine) as connection:
        insert_link(connection, made, subject="ada@here")
    return f"/sign-in/link/{made}"


def form_token(browser: TestClient) -> str:
    """As it stands in the forms of the browser's pages."""
    session = parse_session(browser.cookies["jobrunner"])
    assert session is not None
    return session.form_token


def test_a_page_leads_to_where_one_signs_in_and_back(client: TestClient, token: str) -> None:
    sent_away = client.get("/zone?next=/", follow_redirects=False)
    assert (sent_away.status_code, sent_away.headers["location"]) == (
        303,
        "/sign-in?next=%2Fzone%3Fnext%3D%2F",
    )
    answer = client.post(
        "/sign-in",
        data={"token": token, "next": "/zone?next=/"},
        headers=OURS,
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/zone?next=/"


def test_a_part_of_a_page_takes_the_whole_page_there(client: TestClient) -> None:
    answer = client.get("/zone", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2Fzone")


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "\t//e"],
)
def test_signing_in_leads_nowhere_else(client: TestClient, token: str, elsewhere: str) -> None:
    answer = client.post(
        "/sign-in",
        data={"token": token, "next": elsewhere},
        headers=OURS,
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/"


def test_a_session_reads(signed_in: TestClient) -> None:
    assert signed_in.get("/api/v1/status").status_code == 200


def test_the_cookie_is_for_no_script_and_for_no_other_site(client: TestClient, token: str) -> None:
    answer = client.post("/sign-in", data={"token": token}, headers=OURS, follow_redirects=False)
    told = answer.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=lax" in told
    assert token not in told


def test_over_tls_the_cookie_is_of_this_host_alone(client: TestClient, token: str) -> None:
    answer = client.post(
        "https://127.0.0.1/sign-in",
        data={"token": token},
        headers={"Origin": "https://127.0.0.1"},
        follow_redirects=False,
    )
    told = answer.headers["set-cookie"]
    assert told.startswith("__Host-jobrunner=")
    assert "Secure" in told
    assert "Path=/;" in told
    assert "domain" not in told.lower()


def test_a_wrong_token_is_told_on_the_form(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"token": "jr_x"}, headers=OURS)
    assert answer.status_code == 401
    assert "These credentials are not known." in answer.text


def test_signing_out_ends_the_session(signed_in: TestClient) -> None:
    cookie = signed_in.cookies["jobrunner"]
    fields = {"csrf_token": form_token(signed_in)}
    signed_in.post("/sign-out", data=fields, headers=OURS, follow_redirects=False)
    again = signed_in.get("/api/v1/status", headers={"Cookie": f"jobrunner={cookie}"})
    assert again.status_code == 401


def test_a_session_ends_with_its_token(signed_in: TestClient, token: str, engine: Engine) -> None:
    held = parse_token(token)
    assert held is not None
    with transaction(engine) as connection:
        revoke_token(connection, held.id, actor="tests")
    assert signed_in.get("/api/v1/status").status_code == 401


def test_a_session_ends_when_its_token_expires(signed_in: TestClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobrunner.sessions SET expires_at = now() - interval '1 second'")
        )
    assert signed_in.get("/api/v1/status").status_code == 401


def test_a_token_is_never_taken_from_a_cookie(client: TestClient, token: str) -> None:
    held = parse_token(token)
    assert held is not None
    for cookie in (token, f"{held.id}.{held.secret}"):
        answer = client.get("/api/v1/status", headers={"Cookie": f"jobrunner={cookie}"})
        assert answer.status_code == 401


def test_a_session_is_never_taken_from_a_header(signed_in: TestClient) -> None:
    header = {"Authorization": f"Bearer {signed_in.cookies['jobrunner']}"}
    assert signed_in.get("/api/v1/status", headers=header).status_code == 401


def test_looking_at_a_link_does_not_use_it_up(client: TestClient, link: str) -> None:
    assert (client.get(link).status_code, client.head(link).status_code) == (200, 200)
    answer = client.post(link, headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/api/v1/audit").json()["items"][0]["actor"] == "ada@here"


def test_a_link_is_good_once(client: TestClient, link: str) -> None:
    client.post(link, headers=OURS, follow_redirects=False)
    client.cookies.clear()
    assert client.post(link, headers=OURS).status_code == 401
    assert client.get("/api/v1/status").status_code == 401


def test_a_link_is_good_for_ten_minutes(client: TestClient, link: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobrunner.sessions SET expires_at = expires_at - interval '10 minutes'")
        )
    assert client.post(link, headers=OURS).status_code == 401


def test_a_link_that_was_not_followed_is_no_session(client: TestClient, link: str) -> None:
    secret = link.rpartition("/")[2]
    answer = client.get("/api/v1/status", headers={"Cookie": f"jobrunner={secret}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-out", "/sign-in"])
def test_fault_80_a_page_of_others_acts_for_nobody(
    signed_in: TestClient, token: str, path: str, said: Headers
) -> None:
    fields = {"csrf_token": form_token(signed_in), "token": token}
    assert signed_in.post(path, data=fields, headers=said).status_code == 403
    assert signed_in.get("/api/v1/status").status_code == 200


@pytest.mark.parametrize("given", ["", "0" * 64, "\xe9"])
def test_fault_80_an_act_needs_the_token_of_the_form(signed_in: TestClient, given: str) -> None:
    answer = signed_in.post("/sign-out", data={"csrf_token": given}, headers=OURS)
    assert answer.status_code == 403


def test_fault_80_the_token_of_another_session_is_none(signed_in: TestClient) -> None:
    foreign = {"csrf_token": new_session().form_token}
    assert signed_in.post("/sign-out", data=foreign, headers=OURS).status_code == 403


def test_fault_80_scripts_of_our_pages_send_it_in_a_header(signed_in: TestClient) -> None:
    header = {"X-CSRF-Token": form_token(signed_in), "Sec-Fetch-Site": "same-origin"}
    answer = signed_in.post("/sign-out", headers=header, follow_redirects=False)
    assert answer.status_code == 303


@pytest.fixture
def opened(engine: Engine) -> Iterator[TestClient]:
    """An app without credentials, as `jobrunner web --open` has it."""
    app = make_app(Web(SETTINGS, engine, is_open=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def test_fault_80_without_credentials_a_page_of_others_still_acts_for_nobody(
    opened: TestClient,
) -> None:
    zone = {"zone": "UTC"}
    for said in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert opened.post("/zone", data=zone, headers=said).status_code == 403
    answer = opened.post("/zone", data=zone, headers=OURS, follow_redirects=False)
    assert answer.status_code == 303


def test_without_credentials_what_is_no_browser_may_act(opened: TestClient) -> None:
    answer = opened.post("/zone", data={"zone": "UTC"}, follow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize("asked", ["/jobs-of-all/zone", "/zone"])
def test_below_a_prefix_one_is_led_to_sign_in_below_it(engine: Engine, asked: str) -> None:
    settings = SETTINGS.model_copy(update={"web_prefix": "/jobs-of-all"})
    with TestClient(make_app(Web(settings, engine)), base_url="http://127.0.0.1") as client:
        answer = client.get(asked, follow_redirects=False)
    assert answer.headers["location"] == "/jobs-of-all/sign-in?next=%2Fzone"
