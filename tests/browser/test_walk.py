"""What a person does in a day, from outside: real processes, a real browser, nothing put in place."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import Watched
from tests.project import Project, StartedProcess
from tests.waiting import wait_until

TASKS = """\
import time
from pathlib import Path


def take_orders(limit: int, market: str) -> int:
    print(f"asking {market} for {limit} orders", flush=True)
    while not Path("go-on").exists():
        time.sleep(0.05)
    print("7 orders came", flush=True)
    if limit < 7:
        raise ValueError(f"7 orders came, and {limit} fit")
    return 7


def count() -> None:
    pass
"""
# Years away: a run that the beat makes would overlap with the one of the walk.
JOBS = """\
version: 1
namespace: shop
jobs:
  take-orders:
    description: Takes over the orders of the last minutes
    task: shop.take_orders
    kwargs: {limit: 50, market: north}
    schedule: {cron: "30 5 * * mon-fri", timezone: Europe/Berlin, start_at: 2090-01-01T00:00Z}
    timeout: 10m
  count:
    task: shop.count
"""
WITHOUT_COUNT = JOBS[: JOBS.index("  count:")]
WAIT_MILLISECONDS = 30_000
"""For what comes by itself: a worker that starts, a watcher that looks, a page that asks again."""


@pytest.fixture
def shop(project: Project) -> Project:
    """Two jobs in force, and a beat, a worker and a watcher at work."""
    project.write("shop.py", TASKS)
    project.write("jobrunner.yaml", "project: shop\nguards: {max_deletes: 0}\n")
    project.write("jobs.d/shop.yaml", JOBS)
    watch = project.start("watch")
    watch.wait_for_line("applied as revision 1", timeout_seconds=60)
    project.start("beat")
    project.start("worker", "-c", "1")
    project.write("jobs.d/shop.yaml", JOBS.replace("timeout: 10m", "timeout: 20m"))
    watch.wait_for_line("applied as revision 2", timeout_seconds=60)
    return project


@pytest.fixture
def web(shop: Project) -> StartedProcess:
    """The pages, with a link to sign in."""
    return shop.start("web", "--port", "0")


@pytest.fixture
def page(browser: Browser, web: StartedProcess) -> Iterator[Page]:
    """Of somebody who has just opened the browser. Nothing may happen on it that a policy forbids."""
    address = _address_in(web.wait_for_line("jobrunner web: http", timeout_seconds=60))
    context = browser.new_context(base_url=address, timezone_id="Europe/Berlin")
    opened, watched = context.new_page(), Watched(address)
    watched.watch(opened)
    opened.set_default_timeout(WAIT_MILLISECONDS)
    yield opened
    context.close()
    assert watched.found == []


def _address_in(line: str) -> str:
    found = re.search(r"http://\S+", line)
    assert found is not None
    return found[0]


def test_a_person_walks_from_the_sign_in_to_a_roll_back(
    page: Page, shop: Project, web: StartedProcess
) -> None:
    _sign_in(page, web)
    _find_the_job(page)
    _read_when_it_runs(page)
    _run_it_with_other_arguments(page)
    _watch_it_fail(page, shop)
    _retry_it(page)
    _pause_it(page)
    _see_what_waits(page, shop)
    _roll_back(page)


def _sign_in(page: Page, web: StartedProcess) -> None:
    page.goto(_address_in(web.wait_for_line("/sign-in/link/")))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Jobs", exact=True)).to_be_visible()


def _find_the_job(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.get_by_role("searchbox").first.fill("orders")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="shop/take-orders").click()


def _read_when_it_runs(page: Page) -> None:
    expect(page.locator("main")).to_contain_text("05:30")
    expect(page.locator("main")).to_contain_text("Takes over the orders of the last minutes")
    next_times = page.get_by_role("heading", name="Next times").locator("xpath=../ol/li")
    expect(next_times).to_have_count(5)
    expect(next_times.first).to_contain_text(re.compile(r"05:30 CES?T"))


def _run_it_with_other_arguments(page: Page) -> None:
    page.locator("summary", has_text="Run now").click()
    page.get_by_label("limit").fill("3")
    page.get_by_role("button", name="Run shop/take-orders").click()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    expect(page.get_by_text("given for this run")).to_be_visible()


def _watch_it_fail(page: Page, shop: Project) -> None:
    _expect_in(page, "#log", "asking north for 3 orders")
    _expect_in(page, "#now", "running")
    shop.write("go-on", "")
    _expect_in(page, "#log", "7 orders came")
    _expect_in(page, "#now .notice", "7 orders came, and 3 fit")
    page.locator("#now details summary").click()
    _expect_in(page, "#now details", "Traceback (most recent call last)")
    _expect_in(page, "#now details", "in take_orders")


def _retry_it(page: Page) -> None:
    page.get_by_role("button", name="Retry").click()
    _expect_in(page, "main", "This run does the other one again.")
    _expect_in(page, "#now .notice", "7 orders came, and 3 fit")


def _pause_it(page: Page) -> None:
    page.get_by_role("link", name="shop/take-orders").click()
    page.locator("summary", has_text="Pause").click()
    page.get_by_label("Reason").fill("the market sends too many")
    page.get_by_label("Until").fill("3h")
    page.get_by_role("button", name="Pause shop/take-orders").click()
    _expect_in(page, ".notice.paused", "the market sends too many")
    _expect_in(page, ".notice.paused", "until")


def _see_what_waits(page: Page, shop: Project) -> None:
    shop.write("jobs.d/shop.yaml", WITHOUT_COUNT.replace("limit: 50", "limit: 7"))
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Changes")).to_be_visible()
    wait_until(lambda: page.reload() and page.get_by_text("Waits: shop").count())
    _expect_in(page, "#changes .diff", "shop/count")
    _expect_in(page, "#changes .diff", "delete")
    _expect_in(page, "#changes .diff", "50")
    expect(page.get_by_role("button", name="Approve exactly this plan")).to_be_visible()


def _roll_back(page: Page) -> None:
    page.get_by_role("link", name="1", exact=True).click()
    page.get_by_role("link", name="Roll back to it").click()
    _expect_in(page, "main", "20m")
    page.get_by_role("button", name="Roll back").click()
    _expect_in(page, "main", "Rolled back.")
    _expect_in(page, "main", "back to 1")


def _expect_in(page: Page, selector: str, text: str) -> None:
    expect(page.locator(selector).first).to_contain_text(text, timeout=WAIT_MILLISECONDS)
