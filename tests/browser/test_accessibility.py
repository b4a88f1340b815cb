"""The pages as somebody meets them who does not see them, or has no mouse, or no JavaScript."""

import uuid
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize
from sqlalchemy import insert

from jobrunner.db import tables
from tests.browser.browsing import serious_faults
from tests.browser.conftest import Site
from tests.ledger import NOON

PAGES = (
    "/",
    "/jobs",
    "/jobs/test/job",
    "/runs",
    "/runs/{run}",
    "/queues",
    "/changes",
    "/calendar",
    "/audit",
    "/zone",
    "/sign-in",
)
_PHONE: ViewportSize = {"width": 390, "height": 844}
_DESK: ViewportSize = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def run_id(shared_site: Site) -> uuid.UUID:
    """Of a job whose runs are in each state that a page may show; this one has failed."""
    ledger = shared_site.ledger
    job_id = ledger.add_job(description="Counts what is there", tags=["a"], kwargs={"limit": 7})
    ledger.add_schedule(job_id, "default")
    failed = ledger.add_run(job_id, created_by="ada", attempt=1)
    ledger.end_run(failed, "failed", error="ValueError: seven", worker="worker@host")
    for state in ("succeeded", "skipped", "missed", "cancelled"):
        ledger.end_run(ledger.add_run(job_id), state, started_at=NOON)
    ledger.claim(ledger.add_run(job_id))
    ledger.add_run(job_id, queue="lonely")
    with shared_site.engine.begin() as connection:
        row = {"claim_token": uuid.uuid4(), "worker": "worker@host", "pid": 1, "started_at": NOON}
        connection.execute(
            insert(tables.attempts).values(
                run_id=failed, number=1, state="failed", error="ValueError: seven",
                traceback="Traceback …", finished_at=NOON, **row
            )
        )  # fmt: skip
        connection.execute(
            insert(tables.run_logs).values(run_id=failed, attempt=1, sequence=0, text="a line\n")
        )
        connection.execute(
            insert(tables.audit).values(actor="ada", action="pause", target="test/job")
        )
    return failed


@pytest.fixture
def without_javascript(shared_site: Site, browser: Browser) -> Iterator[Page]:
    """A page of a browser that has none."""
    context = browser.new_context(
        java_script_enabled=False, extra_http_headers=shared_site.authorization
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(
    path: str, scheme: Literal["light", "dark"], shared_site: Site, run_id: uuid.UUID
) -> None:
    page = shared_site.context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(_DESK if scheme == "light" else _PHONE)
    page.goto(shared_site.address + path.format(run=run_id))
    assert serious_faults(page) == []
    page.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_never_wider_than_a_phone(
    path: str, shared_site: Site, run_id: uuid.UUID
) -> None:
    page = shared_site.context.new_page()
    page.set_viewport_size(_PHONE)
    page.goto(shared_site.address + path.format(run=run_id))
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE["width"]
    page.close()


@pytest.mark.parametrize("path", ["/audit", "/calendar?span=past"])
def test_a_phone_shows_where_one_is_without_scrolling(path: str, shared_site: Site) -> None:
    page = shared_site.context.new_page()
    page.set_viewport_size(_PHONE)
    page.goto(shared_site.address + path)
    ends_at = page.evaluate(
        "[...document.querySelectorAll('a[aria-current]')]"
        ".map((e) => e.getBoundingClientRect().right)"
    )
    assert 0 < max(ends_at) <= _PHONE["width"]
    page.close()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/jobs", "test/job"),
        ("/jobs/test/job", "Counts what is there"),
        ("/runs?state=failed", "ValueError: seven"),
        ("/runs/{run}", "a line"),
        ("/queues", "and no worker serves it"),
        ("/audit", "pause"),
    ],
)
def test_everything_can_be_read_without_javascript(
    path: str, told: str, shared_site: Site, without_javascript: Page, run_id: uuid.UUID
) -> None:
    without_javascript.goto(shared_site.address + path.format(run=run_id))
    assert told in without_javascript.inner_text("main")


@pytest.mark.usefixtures("run_id")
def test_filters_work_by_their_button_without_javascript(
    shared_site: Site, without_javascript: Page
) -> None:
    page = without_javascript
    page.goto(shared_site.address + "/runs")
    page.get_by_label("Text of the error").fill("SEVEN")
    page.get_by_role("button", name="Filter").click()
    assert page.locator("#list tbody tr").count() == 1
