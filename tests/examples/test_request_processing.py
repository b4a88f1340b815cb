"""examples/request-processing as `./up` starts it: each request ends, whatever happens to its run."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from jobrunner.embedded.children import Supervisor
from tests.browser.browsing import open_browser
from tests.examples.request_processing import (
    EXAMPLE,
    REQUESTS,
    Browser,
    copy_example,
    edited,
    free_port,
)
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import Project, StartedProcess, open_project
from tests.waiting import wait_until

__all__ = ["one_broker_url", "one_database_url"]

PATIENCE_SECONDS = 120.0
FOREVER = ["Ada, 1, EUR"] * 3_000
"""Five minutes of work."""


@dataclass(frozen=True)
class Site:
    """The running example, and a user of it."""

    project: Project
    up: StartedProcess
    user: Browser

    def make(self, *orders: str) -> dict[str, Any]:
        made: dict[str, Any] = self.user.make_request(*orders).json
        return made

    def wait_for(
        self, request_id: str, state: str, *, timeout_seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        wait_until(lambda: self.state_of(request_id) == state, timeout_seconds=timeout_seconds)
        return self.user.status(request_id)

    def state_of(self, request_id: str) -> str | None:
        """None while the server of the development starts anew, as it does for each change of code."""
        with suppress(OSError, HTTPException):
            return str(self.user.status(request_id)["state"])
        return None

    def make_and_begin(self, *orders: str) -> dict[str, Any]:
        """A new request, some of whose orders are worked off."""
        made = self.make(*orders)
        wait_until(lambda: self.scratch(made).exists(), timeout_seconds=PATIENCE_SECONDS)
        self.wait_for(made["id"], "processing")
        return made

    def scratch(self, made: dict[str, Any]) -> Path:
        """What its run keeps until it is over."""
        return self.project.path / ".run" / "scratch" / str(made["run_id"]) / "euros.csv"

    def wait_until_clean(self, made: dict[str, Any]) -> None:
        folder = self.scratch(made).parent
        wait_until(lambda: not folder.exists(), timeout_seconds=PATIENCE_SECONDS)

    def run_of(self, made: dict[str, Any]) -> dict[str, Any]:
        shown = self.project.call("runs", "show", made["run_id"], "-o", "json")
        run: dict[str, Any] = json.loads(shown.stdout)
        return run

    def worker_pid(self) -> int:
        workers = json.loads(self.project.call("workers", "-o", "json").stdout)
        return next(int(one["pid"]) for one in workers if one["state"] == "alive")


@pytest.fixture(scope="module")
def site(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Site]:
    with open_project(supervisor, database_url, broker_url) as project:
        copy_example(project.path)
        user = Browser(free_port())
        project.environment |= {"PORT": str(user.port), "SECONDS_AN_ORDER": "0.1"}
        up = project.start_program("./up", "-c", "2", "--no-web")
        up.wait_for_line("applied as revision 1", timeout_seconds=PATIENCE_SECONDS)
        wait_until(user.answers, timeout_seconds=PATIENCE_SECONDS)
        assert user.sign_in("dev", "dev")
        yield Site(project, up, user)


@contextmanager
def other_rules(site: Site, *changes: tuple[str, str]) -> Iterator[None]:
    """The job as it is with these changes of its file, for the length of the context."""
    lines = len(site.up.lines)
    with edited(site.project, "jobs.d/requests.yaml", *changes):
        site.up.wait_for_line("applied as revision", after=lines, timeout_seconds=PATIENCE_SECONDS)
        yield
        lines = len(site.up.lines)
    site.up.wait_for_line("applied as revision", after=lines, timeout_seconds=PATIENCE_SECONDS)


def test_the_readme_is_short() -> None:
    assert len((EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines()) <= 40


def test_a_request_is_completed_with_the_totals_of_its_orders(site: Site) -> None:
    made = site.make("Ada, 12.50, EUR", "Grace, 40, USD", "Ada, 7, CHF")
    done = site.wait_for(made["id"], "completed")
    assert done["totals"] == {"Ada": "19.99", "Grace": "34.40"}
    assert done["error"] == ""


def test_a_run_has_the_phases_of_the_work_and_leaves_nothing_behind(site: Site) -> None:
    made = site.make("Ada, 1, EUR")
    site.wait_for(made["id"], "completed")
    wait_until(lambda: site.run_of(made)["state"] == "succeeded", timeout_seconds=PATIENCE_SECONDS)
    phases = site.run_of(made)["progress"]["phases"]
    assert [one["name"] for one in phases] == ["validate", "process", "save", "clean up"]
    assert not site.scratch(made).parent.exists()


def test_a_new_request_is_accepted_and_says_where_to_look_and_when(site: Site) -> None:
    accepted = site.user.make_request("Ada, 1, EUR", "Ada, 1, EUR")
    assert (accepted.status, accepted.json["state"]) == (202, "pending")
    look = site.user.get(accepted.headers["location"])
    assert look.json["run_id"] == accepted.json["run_id"]
    assert look.headers["retry-after"] == "2"


def test_whoever_has_what_is_still_true_gets_304_without_a_body(site: Site) -> None:
    made = site.make("Ada, 1, EUR")
    site.wait_for(made["id"], "completed")
    first = site.user.get(f"{REQUESTS}{made['id']}/")
    again = site.user.get(f"{REQUESTS}{made['id']}/", {"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert "retry-after" not in first.headers


def test_live_events_tell_of_each_change_until_the_end(site: Site) -> None:
    told = site.user.events(site.make(*["Ada, 1, EUR"] * 20)["id"])
    percents = [one["percent"] for one in told]
    assert told[0]["state"] in {"pending", "processing"}
    assert told[-1]["state"] == "completed"
    assert percents == sorted(percents)
    assert len(told) > 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Ada, 1e30, EUR", "Line 2: '1e30' is no amount."),
        (f"{'A' * 200_000}, 1, EUR", "The lines cannot be read: field larger than field limit"),
    ],
    ids=["amount", "length"],
)
def test_wrong_orders_fail_with_the_line_and_are_not_tried_again(
    site: Site, line: str, told: str
) -> None:
    made = site.make("Ada, 1, EUR", line)
    failed = site.wait_for(made["id"], "failed")
    assert told in failed["error"]
    wait_until(lambda: site.run_of(made)["state"] == "failed", timeout_seconds=PATIENCE_SECONDS)
    assert site.run_of(made)["attempt"] == 1


def test_what_is_no_list_of_orders_is_refused_and_makes_no_request(site: Site) -> None:
    before = site.user.get(REQUESTS).json
    bodies = (
        '{"order": 1}',
        r'{"orders": "Ada\u0000, 1, EUR"}',
        r'{"orders": "\ud800"}',
        "[" * 5_000,
    )
    for body in bodies:
        assert site.user.post(REQUESTS, body).status == 400
    assert site.user.get(REQUESTS).json == before


def test_nobody_sees_a_request_of_another(site: Site) -> None:
    made = site.make("Ada, 1, EUR")
    site.project.environment |= {
        "DJANGO_SUPERUSER_USERNAME": "eve",
        "DJANGO_SUPERUSER_PASSWORD": "p@ss/w:rd#1",
        "DJANGO_ENVIRONMENT": "development",
    }
    ensured = site.project.start_program("python", "manage.py", "user", "ensure", "--from-env")
    assert ensured.wait(timeout_seconds=PATIENCE_SECONDS) == 0
    eve = Browser(site.user.port)
    assert eve.sign_in("eve", "p@ss/w:rd#1")
    assert eve.get(f"{REQUESTS}{made['id']}/").status == 404
    assert eve.get(f"{REQUESTS}{made['id']}/events/").status == 404
    assert eve.get(REQUESTS).json == {"requests": []}


def test_nobody_sees_anything_who_is_not_signed_in(site: Site) -> None:
    made = site.make("Ada, 1, EUR")
    stranger = Browser(site.user.port)
    assert stranger.get(f"{REQUESTS}{made['id']}/").status == 401
    assert stranger.get(REQUESTS).status == 401


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """The example's own page, for somebody who is signed in."""
    with open_browser() as browser:
        address = f"http://127.0.0.1:{site.user.port}"
        context = browser.new_context(base_url=address)
        context.add_cookies(
            [
                {"name": name, "value": value, "url": address}
                for name, value in site.user.cookies.items()
            ]
        )
        opened = context.new_page()
        opened.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield opened
        context.close()


def test_the_page_shows_the_end_of_a_request_where_live_events_do_not_arrive(page: Page) -> None:
    asked: list[str] = []
    page.route("**/events/", lambda route: route.abort())
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.fill("#orders", "Zoe, 1.50, EUR\nZoe, 2, EUR")
    page.click("#make button")
    page.wait_for_selector("text=Zoe 3.50 €")
    assert any(re.search(f"{REQUESTS}[0-9a-f-]{{36}}/$", url) for url in asked)


def test_the_page_shows_the_error_of_a_request_as_it_comes(page: Page) -> None:
    page.goto("/")
    page.fill("#orders", "Zoe, 1, <b>")
    page.click("#make button")
    page.wait_for_selector("text=Line 1: there is no currency '<b>'.")


def test_a_cancelled_request_has_failed_and_is_cleaned_up_after(site: Site) -> None:
    made = site.make_and_begin(*FOREVER)
    assert site.project.run("runs", "cancel", made["run_id"]).returncode == 0
    failed = site.wait_for(made["id"], "failed")
    assert "cancel" in failed["error"].lower()
    site.wait_until_clean(made)


def test_a_request_whose_worker_is_killed_is_completed_by_another(site: Site) -> None:
    made = site.make_and_begin(*["Ada, 1, EUR"] * 50)
    os.kill(site.worker_pid(), signal.SIGKILL)
    done = site.wait_for(made["id"], "completed", timeout_seconds=120.0)
    assert done["totals"] == {"Ada": "50.00"}
    wait_until(lambda: site.run_of(made)["state"] == "succeeded", timeout_seconds=PATIENCE_SECONDS)
    assert site.run_of(made)["attempt"] == 2
    site.wait_until_clean(made)


def test_a_request_at_its_time_limit_has_failed_and_is_cleaned_up_after(site: Site) -> None:
    with other_rules(site, ("timeout: 1h", "timeout: 2s"), ("max_retries: 2", "max_retries: 0")):
        made = site.make_and_begin(*FOREVER)
        failed = site.wait_for(made["id"], "failed")
        assert "time limit of 2s" in failed["error"]
        site.wait_until_clean(made)


def test_a_request_whose_process_is_killed_for_the_last_time_has_failed(site: Site) -> None:
    with other_rules(site, ("max_retries: 2", "max_retries: 0")):
        made = site.make_and_begin(*FOREVER)
        os.kill(site.run_of(made)["attempts"][0]["pid"], signal.SIGKILL)
        failed = site.wait_for(made["id"], "failed")
        assert "its process died" in failed["error"]
        site.wait_until_clean(made)
