"""The jobs in force: each with what a person needs next, found by a few letters."""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query, Request, Response

from jobrunner.db.durations import usual_durations
from jobrunner.db.engine import transaction
from jobrunner.db.job_filters import job_filters
from jobrunner.db.job_pages import JobState, JobsWanted, page_of_jobs
from jobrunner.db.jobs import drifted_jobs
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page
from jobrunner.web.security import Reader

_JOBS_ON_PAGE = 50
_STATES = get_args(JobState)

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Query(max_length=200)]


@router.get("/jobs")
def jobs(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    text: Short = "",
    namespace: Short = "",
    tag: Short = "",
    queue: Short = "",
    state: JobState | Literal[""] = "",  # a form sends what was not chosen, too
    after: Short = "",
) -> Response:
    """A page of them, by address; `after` is the last address of the page before."""
    wanted = JobsWanted(
        namespace=namespace or None,
        tag=tag or None,
        queue=queue or None,
        state=state or None,
        contains=text.strip(),
    )
    with transaction(web.engine) as connection:
        found = page_of_jobs(
            connection, caller, wanted, after=after or None, limit=_JOBS_ON_PAGE + 1
        )
        shown = found[:_JOBS_ON_PAGE]
        usual = usual_durations(connection, [job.address for job in shown])
        drifted = drifted_jobs(connection, [job.address for job in shown])
        filters = job_filters(connection, caller)
    return page(
        request,
        caller,
        "jobs.html",
        jobs=shown,
        has_more=len(found) > len(shown),
        usual=usual,
        drifted=drifted,
        wanted=wanted,
        filters=filters,
        states=_STATES,
        is_all=wanted == JobsWanted(),
        is_first=not after,
    )
