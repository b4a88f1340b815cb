"""What exists for a caller. What does not is told of as what does not exist at all."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.jobs import no_such_job
from jobrunner.db.run_pages import runs_of_subject
from jobrunner.db.runs import RunDetail, get_run, no_such_run
from jobrunner.db.workers import SeenWorker
from jobrunner.errors import AccessDenied
from jobrunner.plan.notifiers import NotifierChange


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


def seen_in_hand(
    connection: Connection, caller: Caller, workers: Sequence[SeenWorker]
) -> frozenset[str]:
    """The ids of those of the runs that the workers have in hand that exist for the caller."""
    runs = [run for worker in workers for run in worker.runs if _sees(caller, run.address)]
    ids = [run.run_id for run in runs]
    if caller.own_runs_only:
        return runs_of_subject(connection, caller.subject, ids)
    return frozenset(ids)


def visible_changes(
    caller: Caller, changes: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Those of a plan's JSON form that touch jobs of his; no other address is named in them."""
    if caller.namespaces is None:
        return tuple(changes)
    return tuple(_without_others(caller, one) for one in changes if _sees(caller, one["address"]))


def _without_others(caller: Caller, change: Mapping[str, Any]) -> Mapping[str, Any]:
    own: dict[str, Any] = {
        name: "" if name in _ADDRESSES and not _sees(caller, value) else value
        for name, value in change.items()
    }
    for name in _PAUSES & own.keys():
        own[name] = [one for one in own[name] if sees_pause(caller, one)]
    return own


def visible_notifiers(
    caller: Caller, notifiers: Sequence[NotifierChange]
) -> tuple[NotifierChange, ...]:
    """Changes of notifiers, which are of a whole project and of no namespace."""
    return tuple(notifiers) if caller.namespaces is None else ()


def visible_reason(caller: Caller, reason: str) -> str:
    """Why a plan waits; a guard names jobs of any namespace."""
    return reason if caller.namespaces is None else "A guard asks for a person."


def check_whole_project(caller: Caller) -> None:
    """Raise AccessDenied for who is limited to namespaces: a plan is carried out whole or not at all."""
    if caller.namespaces is not None:
        raise AccessDenied(
            f"'{caller.subject}' is limited to namespaces, and this is of a whole project.",
            is_known=True,
            hint="Ask an administrator of all namespaces.",
        )


def sees_pause(caller: Caller, pause: Mapping[str, Any]) -> bool:
    """Whether a pause is of something of his, or of a tag or a queue, which belong to nobody."""
    match pause["scope"]:
        case "job":
            return _sees(caller, pause["target"])
        case "namespace":
            return caller.may(Permission.READ, pause["target"])
        case _:
            return True


def _sees(caller: Caller, address: str | None) -> bool:
    return caller.may(Permission.READ, (address or "").partition("/")[0])


_PAUSES = frozenset({"pauses", "pauses_left"})
_ADDRESSES = frozenset({"moved_from", "looks_renamed_from"})
