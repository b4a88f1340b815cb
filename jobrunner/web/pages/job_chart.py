"""The chart of a job's page: how long its last runs took, and what an apply has made of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db.job_chart import FinishedRun, applies_since, finished_runs
from jobrunner.web.charts.durations import AppliedAt, TimedRun, duration_chart, usual_of
from jobrunner.web.context import Web
from jobrunner.web.pages.rendering import link_prefix, zone_of


@dataclass(frozen=True, slots=True)
class JobChart:
    """What `_job_chart.html` shows."""

    svg: Markup
    """'' where there is too little to draw."""
    runs: Sequence[FinishedRun]
    """The same as a table, newest first."""
    usual: timedelta | None


def read_job_chart(
    connection: Connection, request: Request, caller: Caller, address: str
) -> JobChart:
    """Of the runs that exist for the caller."""
    web: Web = request.app.state.web
    prefix = link_prefix(request)
    found = finished_runs(connection, caller, address)
    runs = [
        TimedRun(run.scheduled_for, run.state, run.took, f"{prefix}/runs/{run.id}") for run in found
    ]
    since = found[-1].scheduled_for if found else web.now()
    applied = [
        AppliedAt(
            one.revision,
            one.applied_at,
            one.author,
            f"{prefix}/changes/{one.project}/revisions/{one.revision}",
        )
        for one in applies_since(connection, address, since)
    ]
    svg = duration_chart(runs, applied, zone=zone_of(request), now=web.now())
    return JobChart(svg, found, usual_of(runs))
