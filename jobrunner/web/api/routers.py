"""All routers of the API, in the order of its document."""

from jobrunner.web.api import (
    audit,
    backfills,
    calendar,
    document,
    jobs,
    pauses,
    plans,
    queues,
    revisions,
    run_streams,
    runs,
    schedules,
    status,
)

API_ROUTERS = (
    jobs.router,
    backfills.router,
    schedules.router,
    runs.router,
    run_streams.router,
    pauses.router,
    queues.router,
    plans.router,
    revisions.router,
    calendar.router,
    status.router,
    audit.router,
    document.router,
)
