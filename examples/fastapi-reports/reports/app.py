"""The API: `uvicorn reports.app:app`. jobrunner's own API and pages are below /jobs."""

from fastapi import FastAPI

from jobrunner.contrib.fastapi import mount
from reports import periodic_routes, report_routes

app = FastAPI(title="Reports")
app.include_router(report_routes.router)
app.include_router(periodic_routes.router)
mount(app, "/jobs")
