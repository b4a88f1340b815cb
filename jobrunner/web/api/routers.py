"""All routers of the API, in the order of its document."""

from jobrunner.web.api import backfills, jobs, plans, queues, revisions, runs, status

API_ROUTERS = (
    jobs.router,
    backfills.router,
    runs.router,
    queues.router,
    plans.router,
    revisions.router,
    status.router,
)
