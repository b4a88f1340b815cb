"""Policies with real beats and workers, seen through the command line."""

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.project import Project
from tests.waiting import wait_until

# Over since: at midnight the beat of a test would add a run of today.
DAILY = """\
version: 1
namespace: demo
jobs:
  greet:
    task: work.greet
    kwargs: {name: Ada}
    max_concurrency: 1
    overlap: allow
    schedule: {every: 1d, end_at: "2026-05-06T00:00:00Z"}
"""


def runs_of(project: Project, *arguments: str) -> list[dict[str, Any]]:
    listed = project.call("runs", "list", "-n", "100", *arguments, "-o", "json").stdout
    found: list[dict[str, Any]] = json.loads(listed)
    return sorted(found, key=lambda run: run["scheduled_for"])


def test_a_backfill_runs_to_its_end_in_order_and_as_many_at_once_as_the_job_allows(
    demo: Project,
) -> None:
    demo.write("jobs.d/demo.yaml", DAILY)
    demo.call("apply", "--yes")
    span = ("--from", "2026-05-01", "--to", "2026-05-06", "--max-active", "4")
    done = demo.run("backfill", "demo/greet", *span, "--yes")
    assert done.returncode == 0, done.stderr
    assert "created 5 runs" in done.stdout
    for _ in range(2):
        assert demo.call("run", "demo/greet").returncode == 0
    demo.start("beat")
    demo.start("worker", "-c", "4")
    wait_until(lambda: len(runs_of(demo, "--state", "succeeded")) == 7, timeout_seconds=40)
    spans = sorted(_span(run) for run in runs_of(demo))
    assert all(ended <= started for (_, ended), (started, _) in pairwise(spans))
    backfilled = runs_of(demo, "--trigger", "backfill")
    assert [_span(run) for run in backfilled] == sorted(_span(run) for run in backfilled)


def _span(run: dict[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(run["started_at"]), datetime.fromisoformat(run["finished_at"])
