"""All pages."""

from jobrunner.web import static_files
from jobrunner.web.pages import (
    audit,
    calendar,
    changes,
    job,
    jobs,
    overview,
    queues,
    run,
    runs,
    sign_in,
    zone,
)

PAGE_ROUTERS = (
    static_files.router,
    zone.router,
    sign_in.router,
    overview.router,
    jobs.router,
    job.router,
    runs.router,
    run.router,
    queues.router,
    calendar.router,
    changes.router,
    audit.router,
)
"""In the order in which a path is looked for."""
