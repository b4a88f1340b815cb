"""The pages that `jobrunner up` shows, from outside: its output, HTTP, processes."""

import re
from urllib.error import URLError
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from tests.project import Project, StartedProcess
from tests.waiting import wait_until

_LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/sign-in/link/\S+")


def link_of(up: StartedProcess) -> tuple[str, str]:
    """The address of the server and the one-time link, once the server answers."""
    found = _LINK.search(up.wait_for_line("/sign-in/link/"))
    assert found is not None
    wait_until(lambda: answers(found[1]), timeout_seconds=60.0)
    return found[1], found[0]


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/api/v1/health", timeout=5) as answer:  # noqa: S310  our own
            return bool(answer.status == 200)
    except URLError:
        return False


def test_the_printed_link_signs_in_once_by_its_button(demo: Project) -> None:
    address, link = link_of(demo.start("up", "-c", "1"))
    browser = build_opener(HTTPCookieProcessor())
    browser.open(link, timeout=5).close()  # what only looks at it does not use it up
    button = Request(link, data=b"", headers={"Origin": address})  # noqa: S310  our own
    with browser.open(button, timeout=5) as overview:
        assert overview.url == f"{address}/"
    stranger = build_opener(HTTPCookieProcessor())
    with pytest.raises(URLError, match="401"):
        stranger.open(button, timeout=5)


def test_without_web_nothing_listens_and_nothing_is_said_of_it(demo: Project) -> None:
    up = demo.start("up", "-c", "1", "--no-web")
    up.wait_for_line("applied as revision 1")
    assert "/sign-in/link/" not in up.output
