"""What runs in the workers."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from celery import Task
from sqlalchemy import select

from jobrunner import current_run, phase, run_async
from reports.celery_app import app
from reports.database import open_session
from reports.files import write_report
from reports.sales import RateMissing, read_sales
from reports.settings import settings
from reports.tables import Organization

RATES_COME_IN_SECONDS = 300


@app.task(bind=True, max_retries=3)
async def sales_report(
    self: "Task[Any, Any]",
    organization_id: int,
    days: int = 30,
    kind: Literal["csv", "pdf"] = "csv",
) -> dict[str, str]:
    """The last `days` days as a file; its name below the folder and the total are the result.

    Any failure is tried again by the rules of the job. Where a rate is missing, the task itself says when.
    """
    run = current_run()
    last_day = run.scheduled_for.date()
    first_day = last_day - timedelta(days=days - 1)
    try:
        with phase("read"):
            async with open_session() as session:
                report = await read_sales(session, organization_id, first_day, last_day)
    except RateMissing as missing:
        raise self.retry(exc=missing, countdown=RATES_COME_IN_SECONDS) from missing
    with phase("work"):
        await asyncio.sleep(settings().work_seconds)
    name = f"{organization_id}/sales-{run.id}.{kind}"
    with phase("write"):
        await asyncio.to_thread(write_report, report, settings().folder / name)
    return {"file": name, "total": str(report.total)}


def turnover() -> dict[str, str]:
    """In euros, of each organisation; those without a rate are left out.

    Plain code, that awaits what it needs on the loop that the coroutines share.
    """
    return {name: str(euros) for name, euros in run_async(_turnover()).items()}


async def _turnover() -> dict[str, Decimal]:
    today = current_run().scheduled_for.date()
    yesterday = today - timedelta(days=1)
    sold = {}
    async with open_session() as session:
        for organization in await session.scalars(select(Organization)):
            try:
                report = await read_sales(session, organization.id, yesterday, today)
            except RateMissing:
                continue
            sold[organization.name] = report.total
    return sold
