"""What every page has: the frame, static files, the reader's zone."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from jobrunner.web.pages.rendering import coded, local_path
from jobrunner.web.static_files import static_files
from tests.web.conftest import Headers

Sign = Callable[..., Headers]


def test_a_page_names_the_zone_of_its_times(client: TestClient, sign: Sign) -> None:
    shown = client.get("/", headers=sign("viewer") | {"Cookie": "jobrunner_zone=Europe%2FBerlin"})
    assert "Times are in Europe/Berlin." in shown.text


def test_head_tells_of_a_page_what_get_would(client: TestClient, sign: Sign) -> None:
    headers = sign("viewer")
    page, told = client.get("/jobs", headers=headers), client.head("/jobs", headers=headers)
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-length"] == page.headers["content-length"]


def test_a_cookie_that_names_no_zone_is_as_none(client: TestClient, sign: Sign) -> None:
    shown = client.get("/", headers=sign("viewer") | {"Cookie": "jobrunner_zone=..%2F..%2Fetc"})
    assert "Times are in UTC." in shown.text


def test_a_zone_is_kept_and_leads_back(client: TestClient, sign: Sign) -> None:
    chosen = client.post(
        "/zone",
        data={"zone": "Asia/Tokyo", "next": "/jobs?tag=a"},
        headers=sign("viewer"),
        follow_redirects=False,
    )
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/jobs?tag=a")
    assert chosen.headers["set-cookie"].startswith("jobrunner_zone=Asia%2FTokyo;")


def test_a_zone_that_is_none_is_refused_by_name(client: TestClient, sign: Sign) -> None:
    refused = client.post("/zone", data={"zone": "Mars/Olympus"}, headers=sign("viewer"))
    assert refused.status_code == 422
    assert "There is no time zone" in refused.text


def test_what_went_wrong_is_a_page_for_a_person(client: TestClient, sign: Sign) -> None:
    wrong = client.post(
        "/zone", data={"zone": "Mars/Olympus"}, headers=sign("viewer") | {"Accept": "text/html"}
    )
    assert "<h1>There is no time zone &#39;Mars/Olympus&#39;.</h1>" in wrong.text


def test_a_command_in_what_an_error_says_is_set_apart(client: TestClient, sign: Sign) -> None:
    headers = sign("viewer") | {"Accept": "text/html"}
    shown = client.get("/jobs/test/none", headers=headers).text
    assert "<code>jobrunner list</code> shows the addresses that exist." in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Try `a & b`.", "Try <code>a &amp; b</code>."),
        ("<b> `<i>`", "&lt;b&gt; <code>&lt;i&gt;</code>"),
        ("`one` `<odd>", "`one` `&lt;odd&gt;"),
        ("", ""),
    ],
)
def test_fault_79_what_others_wrote_into_an_error_stays_text(words: str, shown: str) -> None:
    assert coded(words) == shown


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil", "", "/\n"]
)
def test_nobody_is_led_elsewhere(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


def test_static_files_are_kept_for_as_long_as_they_stay_the_same(client: TestClient) -> None:
    style = client.get("/static/style.css")
    assert style.content == static_files()["style.css"].content
    assert "immutable" in style.headers["cache-control"]


def test_a_static_file_is_compressed_for_who_takes_it(client: TestClient) -> None:
    plain = client.get("/static/vendor/htmx.min.js", headers={"Accept-Encoding": "identity"})
    zipped = client.get("/static/vendor/htmx.min.js", headers={"Accept-Encoding": "gzip"})
    assert (plain.headers.get("content-encoding"), zipped.headers["content-encoding"]) == (
        None,
        "gzip",
    )


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "/etc/passwd", "style.css/", ""])
def test_fault_75_no_name_of_a_request_reaches_the_file_system(
    client: TestClient, name: str
) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_what_every_page_loads_stays_small() -> None:
    loaded = ("style.css", "pages.js", "favicon.svg", "vendor/htmx.min.js")
    assert sum(len(static_files()[name].zipped) for name in loaded) < 30_000
