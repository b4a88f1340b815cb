"""All routers of the API, in the order of its document."""

from jobrunner.web.api import backfills, jobs, runs, status

API_ROUTERS = (jobs.router, backfills.router, runs.router, status.router)
