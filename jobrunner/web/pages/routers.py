"""All pages."""

from jobrunner.web import static_files
from jobrunner.web.pages import jobs, overview, sign_in, zone

PAGE_ROUTERS = (
    static_files.router,
    zone.router,
    sign_in.router,
    overview.router,
    jobs.router,
)
"""In the order in which a path is looked for."""
