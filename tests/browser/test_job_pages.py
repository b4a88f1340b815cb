"""The jobs and a job in a browser: by letters, by keys, by forms, with and without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine

from tests.browser.browsing import Watched, serious_faults
from tests.ledger import Ledger
from tests.seeding import put_job


@pytest.fixture
def page(engine: Engine, context: BrowserContext, address: str, ledger: Ledger) -> Iterator[Page]:
    """Where there are two jobs; nothing that a policy forbids may happen on it."""
    put_job(engine, "nightly", schedules=[{"cron": "30 5 * * *"}], kwargs={"limit": 5})
    ledger.add_job(name="other")
    opened, watched = context.new_page(), Watched(address)
    watched.watch(opened)
    yield opened
    assert watched.found == []


@pytest.fixture
def scriptless(
    browser: Browser, authorization: dict[str, str], address: str, page: Page
) -> Iterator[Page]:
    """The same without JavaScript; its addresses are those of the app."""
    del page  # its world is what counts
    context = browser.new_context(
        base_url=address, extra_http_headers=authorization, java_script_enabled=False
    )
    yield context.new_page()
    context.close()


def test_letters_narrow_the_jobs_while_they_are_typed(page: Page, address: str) -> None:
    page.goto(f"{address}/jobs")
    page.keyboard.press("/")
    page.keyboard.type("NIGHT")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page).to_have_url(re.compile(r"text=NIGHT"))


def test_keys_lead_from_page_to_page(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_time_tells_when_exactly_to_who_reaches_it_by_keys(page: Page, address: str) -> None:
    page.goto(f"{address}/jobs/test/nightly")
    moment = page.locator(".when").first
    moment.focus()
    expect(moment.locator(".more")).to_be_visible()


def test_the_open_forms_of_a_job_have_no_serious_fault_of_accessibility(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/jobs/test/nightly")
    page.locator("summary", has_text="Pause").click()
    page.locator("summary", has_text="Run now").click()
    assert serious_faults(page) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_pressed_is_large_enough_for_a_finger(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 850})
    page.goto(f"{address}/jobs/test/nightly")
    small = page.evaluate(
        "[...document.querySelectorAll('header a, header button, main button, .button')]"
        ".filter((e) => e.offsetParent && e.offsetHeight < 32).map((e) => e.textContent)"
    )
    assert small == []


def test_what_is_done_without_scripts_is_done(scriptless: Page, ledger: Ledger) -> None:
    scriptless.goto("/jobs/test/nightly")
    scriptless.locator("summary", has_text="Run now").click()
    scriptless.get_by_label("limit").fill("7")
    scriptless.get_by_role("button", name="Run test/nightly").click()
    expect(scriptless).to_have_url(re.compile(r"/runs/"))
    [run_id] = ledger.run_ids()
    assert ledger.run(run_id)["kwargs"] == {"limit": 7}
