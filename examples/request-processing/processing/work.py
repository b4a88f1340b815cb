"""What the job `requests/process` calls: the work on one request, and what follows its end, however it came.

Both may be called again for the same request: a worker may die between what it did and saying so.
"""

import csv
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

import jobrunner
from processing.models import Currency, WorkRequest
from processing.orders import Order, WrongOrders, add_up, in_euros, read_orders

State = WorkRequest.State


def process(request_id: uuid.UUID) -> dict[str, str]:
    """The totals of its orders, saved with the request."""
    run_id = jobrunner.current_run().id
    request = WorkRequest.objects.get(pk=request_id)
    if request.state == State.COMPLETED:
        return dict(request.totals)  # by an attempt that died before it could say so
    _begin(request_id, run_id)
    rates = dict(Currency.objects.values_list("code", "euros"))
    try:
        with _step(request_id, run_id, "validate"):
            orders = read_orders(request.orders, rates)
        with _step(request_id, run_id, "process"):
            totals = _work_off(orders, rates, request_id, run_id)
        with _step(request_id, run_id, "save"):
            _save(totals, request_id, run_id)
    except WrongOrders as error:
        # It is never tried again, so nobody has to wait for `finish`.
        _fail(request_id, run_id, str(error))
        raise
    finally:
        with jobrunner.phase("clean up"):
            _clean_up(run_id)
    return totals


def finish(run: jobrunner.EndedRun) -> None:
    """After any end, also a time-out, a cancel or the death of the worker: nothing stays `processing`."""
    if run.state != "succeeded":
        request_id = uuid.UUID(run.kwargs["request_id"])
        _fail(request_id, run.id, run.error or f"The run was {run.state}.")
    _clean_up(run.id)


def _request_of(request_id: uuid.UUID, run_id: uuid.UUID) -> QuerySet[WorkRequest]:
    """The request, as long as this run works on it: what another one says of it is not overwritten."""
    return WorkRequest.objects.filter(pk=request_id, run_id=run_id)


def _begin(request_id: uuid.UUID, run_id: uuid.UUID) -> None:
    """Also after an attempt that was lost, and for a run that somebody has started again by hand."""
    WorkRequest.objects.filter(pk=request_id).exclude(state=State.COMPLETED).update(
        state=State.PROCESSING, run_id=run_id, error="", percent=0
    )


@contextmanager
def _step(request_id: uuid.UUID, run_id: uuid.UUID, name: str) -> Iterator[None]:
    """A phase of the run that the request shows as well."""
    _request_of(request_id, run_id).update(step=name)
    with jobrunner.phase(name):
        yield


def _work_off(
    orders: list[Order], rates: Mapping[str, Decimal], request_id: uuid.UUID, run_id: uuid.UUID
) -> dict[str, str]:
    """Amounts go to a file as they come, and are added up from there."""
    file = _scratch(run_id) / "euros.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as written:
        rows = csv.writer(written)
        for number, order in enumerate(orders, start=1):
            time.sleep(settings.SECONDS_AN_ORDER)
            rows.writerow((order.customer, in_euros(order, rates)))
            _tell(request_id, run_id, number, len(orders))
    with file.open(newline="", encoding="utf-8") as read:
        return add_up((customer, Decimal(euros)) for customer, euros in csv.reader(read))


def _tell(request_id: uuid.UUID, run_id: uuid.UUID, number: int, of: int) -> None:
    """The run hears of each order; the request, which is a row, of each hundredth part of the whole."""
    percent = 100 * number // of
    jobrunner.progress(percent, f"{number} of {of} orders")
    if percent > 100 * (number - 1) // of:
        _request_of(request_id, run_id).update(percent=percent)


def _save(totals: Mapping[str, str], request_id: uuid.UUID, run_id: uuid.UUID) -> None:
    """Compare and set: of two attempts, one of which was thought dead, one saves."""
    saved = (
        _request_of(request_id, run_id)
        .filter(state=State.PROCESSING)
        .update(state=State.COMPLETED, totals=totals)
    )
    if not saved:
        raise RuntimeError(f"The request {request_id} is no longer this run's to complete.")


def _fail(request_id: uuid.UUID, run_id: uuid.UUID, error: str) -> None:
    """Unless its end is known: what was saved stays saved."""
    _request_of(request_id, run_id).filter(state__in=(State.PENDING, State.PROCESSING)).update(
        state=State.FAILED, error=error
    )


def _clean_up(run_id: uuid.UUID) -> None:
    shutil.rmtree(_scratch(run_id), ignore_errors=True)


def _scratch(run_id: uuid.UUID) -> Path:
    """A folder of the run's own, in the one that all workers share."""
    folder: Path = settings.SCRATCH_FOLDER
    return folder / str(run_id)
