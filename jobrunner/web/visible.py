"""What exists for a caller. What does not is told of as what does not exist at all."""

import uuid

from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.jobs import no_such_job
from jobrunner.db.runs import RunDetail, get_run, no_such_run


def check_sees_job(caller: Caller, namespace: str, name: str) -> str:
    """Its address. Raises NotFound for a namespace that is not his, whether there is a job or not."""
    address = f"{namespace}/{name}"
    if not caller.may(Permission.READ, namespace):
        raise no_such_job(address)
    return address


def visible_run(connection: Connection, caller: Caller, run_id: uuid.UUID) -> RunDetail:
    """One run with its attempts. Raises NotFound for one that is not there, or not for him."""
    detail = get_run(connection, run_id)
    namespace = detail.run.address.partition("/")[0]
    if not caller.sees_run(namespace, detail.run.created_by):
        raise no_such_run(run_id)
    return detail
