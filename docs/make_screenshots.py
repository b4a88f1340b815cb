# ruff: noqa: INP001  a script beside the pages, no package
"""Takes the pictures of the pages: `python -m docs.make_screenshots`.

They are of the running product, on a project and a history that are the same each time but for the clock.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, text

from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.tokens import insert_token
from jobrunner.errors import GuardRefused
from jobrunner.reconcile import ApplyOptions, Desired, apply_project, read_desired
from jobrunner.recording import record_due
from jobrunner.settings import Settings
from jobrunner.watch.approving import apply_or_leave
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.browser.browsing import serve_app
from tests.servers import open_database, open_servers

_IMAGES = Path(__file__).parent / "images"
_PAGES = {
    "overview": "/",
    "job": "/jobs/shop/import-orders",
    "calendar": "/calendar",
    "changes": "/changes",
}
_DESK, _PHONE = (1280, 800), (390, 800)

_PROJECT = """\
version: 1
project: acme
defaults: {timezone: Europe/Berlin, owner: data-team}
"""
_FILES = {
    "ops.yaml": """\
version: 1
namespace: ops
defaults: {tags: [infra], queue: ops}
jobs:
  disk-report: {task: acme.ops.disk, schedule: {every: 5m}}
  certificates: {task: acme.ops.certificates, schedule: "@daily"}
  backup: {task: acme.ops.backup, schedule: "0 */4 * * *", timeout: 2h}
""",
    "reports.yaml": """\
version: 1
namespace: reports
defaults: {tags: [finance]}
jobs:
  daily-revenue:
    description: Yesterday's revenue by country, mailed to finance before they start work
    task: acme.reports.revenue
    kwargs: {countries: [DE, FR, IT], currency: EUR, limit: 5000}
    schedule: "30 5 * * mon-fri"
    timeout: 20m
  monthly-close: {task: acme.reports.close, schedule: "0 2 1 * *", timeout: 3h}
  churn: {task: acme.reports.churn, schedule: {every: 6h}, tags: [ml]}
""",
    "shop.yaml": """\
version: 1
namespace: shop
defaults: {tags: [orders], queue: shop, owner: shop-team}
jobs:
  import-orders:
    description: Takes over the orders of the last minutes from the marketplace
    task: acme.shop.orders
    schedule: {every: 2m}
  send-invoices: {task: acme.shop.invoices, schedule: "*/10 8-20 * * *"}
  recount-stock: {task: acme.shop.stock, schedule: "0 1 * * sun"}
""",
}
_EDITS = (
    ("shop.yaml", "{every: 2m}", "{every: 5m}"),
    ("reports.yaml", "limit: 5000", "limit: 20000"),
    ("ops.yaml", "timeout: 2h", "timeout: 3h"),
)
"""One revision each."""
_WAITING = (
    ("reports.yaml", '"30 5 * * mon-fri"', '"0 6 * * mon-fri"'),
    (
        "reports.yaml",
        "  churn: {task: acme.reports.churn, schedule: {every: 6h}, tags: [ml]}\n",
        "",
    ),
    ("shop.yaml", "jobs:\n", "jobs:\n  refunds: {task: acme.shop.refunds, schedule: '@hourly'}\n"),
)

# Hashes stand for chance: the same history each time.
_HISTORY = """
    INSERT INTO jobrunner.runs
           (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, queue, available_at,
            sent_at, started_at, finished_at, attempt, worker, error, created_at)
    SELECT md5(j.address || n)::uuid, j.id, s.id, j.definition_id, 'schedule', at, state, j.queue, at,
           at, at + interval '1 s', at + interval '1 s' + took * interval '1 s', 1, 'worker@host-1',
           CASE state WHEN 'failed' THEN 'ConnectionError: no answer within 30 s' END, at
      FROM jobrunner.jobs AS j
      JOIN jobrunner.schedules AS s ON s.job_id = j.id AND s.deleted_at IS NULL
     CROSS JOIN generate_series(1, 150) AS n
     CROSS JOIN LATERAL (SELECT abs(hashtext(j.address)) % 90 AS usual,
                                abs(hashtext(j.address || n)) % 100 AS chance) AS seed
     CROSS JOIN LATERAL (
           SELECT date_trunc('hour', statement_timestamp()) - n * interval '1 hour' AS at,
                  CASE WHEN chance < 4 THEN 'failed' WHEN chance < 6 THEN 'cancelled' ELSE 'succeeded'
                   END AS state,
                  (60 + 6 * usual) * (CASE WHEN n < 57 THEN 1.5 ELSE 1 END) * (0.7 + chance * 0.006) AS took
           ) AS drawn
"""
_REVISIONS = """
    UPDATE jobrunner.revisions SET created_at = statement_timestamp() - (5 - number) * interval '19 hours'
"""
_PROCESSES = """
    INSERT INTO jobrunner.processes (id, kind, name, host, pid, version, details, last_seen_at)
    VALUES (gen_random_uuid(), 'beat', 'beat@host-1', 'host-1', 10, '1', '{}', now() + interval '1 h'),
           (gen_random_uuid(), 'worker', 'worker@host-1', 'host-1', 11, '1',
            '{"queues": ["default", "ops", "shop"], "concurrency": 8}', now() + interval '1 h')
"""
_PAUSE = """
    INSERT INTO jobrunner.pauses (scope, target, reason, paused_by, until)
    VALUES ('job', 'reports/churn', 'The model is trained anew', 'ada', now() + interval '5 h')
"""


def main() -> None:
    """Write all of them."""
    with shown_product() as (address, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        for name, path in _PAGES.items():
            shown = address + path
            _take(browser, token, shown, f"{name}-light.png", is_dark=False, size=_DESK)
            _take(browser, token, shown, f"{name}-dark.png", is_dark=True, size=_DESK)
        _take(browser, token, address, "overview-phone.png", is_dark=False, size=_PHONE)
        browser.close()


@contextmanager
def shown_product() -> Iterator[tuple[str, str]]:
    """The pages at an address, on a database with a history, and a token for them."""
    with (
        TemporaryDirectory(prefix="jobrunner-shown-") as folder,
        open_servers() as servers,
        open_database(servers) as url,
    ):
        engine = make_engine(url, application_name="screenshots")
        _write_history(engine, Path(folder))
        token = new_token()
        with transaction(engine) as connection:
            insert_token(
                connection, token, name="pictures", subject="ada", role=Role.ADMIN, created_by="ada"
            )
        with serve_app(make_app(Web(Settings(web_requests_per_second=0), engine))) as address:
            yield address, str(token)
        engine.dispose()


def _write_history(engine: Engine, root: Path) -> None:
    (root / "jobs.d").mkdir()
    (root / "jobrunner.yaml").write_text(_PROJECT, encoding="utf-8")
    for name, content in _FILES.items():
        (root / "jobs.d" / name).write_text(content, encoding="utf-8")
    _apply(engine, root, "ada", commit="4f2c9e1b7")
    for number, edit in enumerate(_EDITS):
        _edit(root, *edit)
        _apply(engine, root, ("grace", "ada", "grace")[number], commit=f"{number + 5}d81a0c3e")
    with transaction(engine) as connection:
        for statement in (_HISTORY, _REVISIONS, _PROCESSES, _PAUSE):
            connection.execute(text(statement))
    (root / "jobrunner.yaml").write_text(f"{_PROJECT}guards: {{require_plan: true}}\n", "utf-8")
    for edit in _WAITING:
        _edit(root, *edit)
    with suppress(GuardRefused):
        apply_or_leave(engine, _desired(root), ApplyOptions(author="watch@host-1"))


def _edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "jobs.d" / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _apply(engine: Engine, root: Path, author: str, *, commit: str) -> None:
    options = ApplyOptions(author=author, git_commit=commit)
    apply_project(engine, _desired(root), options=options, record_due=record_due)


def _desired(root: Path) -> Desired:
    return read_desired(config=None, working_directory=root)


def _take(
    browser: Browser, token: str, address: str, name: str, *, is_dark: bool, size: tuple[int, int]
) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if is_dark else "light",
        timezone_id="Europe/Berlin",
        extra_http_headers={"Authorization": f"Bearer {token}"},
    )
    context.add_cookies([{"name": "jobrunner_zone", "value": "Europe%2FBerlin", "url": address}])
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    page.screenshot(path=_IMAGES / name)
    context.close()


if __name__ == "__main__":
    main()
