"""A project whose own tests use the plugin: pytest within pytest."""

import pytest

pytest_plugins = ["pytester"]

JOBS = """\
version: 1
namespace: shop
jobs:
  charge:
    task: shop_tasks.charge
    kwargs: {currency: EUR}
    schedule: {cron: "30 5 * * *", timezone: Europe/Berlin, kwargs: {day: "2026-11-21"}}
  who:
    task: shop_tasks.who
  fetch:
    task: shop_tasks.fetch
  loop:
    task: shop_tasks.loop
  fail:
    task: shop_tasks.fail
  sensitive:
    task: shop_tasks.charge
    kwargs: {day: "2026-11-21", currency: {secret: "env:SHOP_CURRENCY"}}
"""
TASKS = """
import asyncio
from datetime import date

import jobrunner

loops = []


def charge(day: date, currency: str):
    return type(day).__name__, currency


def who():
    jobrunner.progress(50, "half")
    run = jobrunner.current_run()
    return run.job, run.attempt, (run.deadline - run.scheduled_for).total_seconds()


async def fetch():
    await asyncio.sleep(0)
    return "fetched"


async def loop():
    loops.append(asyncio.get_running_loop())
    return len(set(loops))


def fail():
    raise ConnectionError("refused")
"""


@pytest.fixture
def shop(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project folder with tasks, and no server in its environment."""
    monkeypatch.delenv("JOBRUNNER_DATABASE_URL", raising=False)
    pytester.makefile(".yaml", jobrunner="version: 1\nproject: shop\n")
    pytester.mkdir("jobs.d").joinpath("shop.yaml").write_text(JOBS, encoding="utf-8")
    pytester.makepyfile(shop_tasks=TASKS)
    # A tool of our own tests, which takes longer to load than all else in these.
    pytester.makeini("[pytest]\naddopts = -p no:schemathesis\n")
    return pytester
