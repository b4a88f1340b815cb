"""The overview: is it ticking, what failed, what is late or paused, how full is it, is live what git says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.engine import transaction
from jobrunner.db.front_page import COUNTED_MAX, FrontPage, read_front_page
from jobrunner.db.overview import applied_projects
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.processes import SeenProcess, not_sent_to, read_processes, unserved_queues
from jobrunner.plan.pause import PauseInForce
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page
from jobrunner.web.security import Reader

router = APIRouter(include_in_schema=False)
_QUEUES_NAMED = 3


@router.get("/")
def overview(request: Request, web: HasWeb, caller: Reader) -> Response:
    """All of it on one screen."""
    with transaction(web.engine) as connection:
        front = read_front_page(connection, caller)
        processes = [one for one in read_processes(connection) if one.is_alive]
        pauses = pauses_in_force(connection)
        projects = applied_projects(connection)
    return page(
        request,
        caller,
        "overview.html",
        front=front,
        counted_max=COUNTED_MAX,
        concerns=concerns(front, processes, names_all=caller.namespaces is None),
        processes=processes,
        slots=sum(int(one.process.details.get("concurrency", 0)) for one in processes),
        watchers=[one.process.details for one in processes if one.process.kind == "watch"],
        pauses=[pause for pause in pauses if sees_pause(caller, pause)],
        projects=projects,
    )


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that is to be mended, and how."""

    words: str
    command: str = ""


def concerns(
    front: FrontPage, processes: Sequence[SeenProcess], *, names_all: bool
) -> list[Concern]:
    """What is wrong with the whole; `processes` are those alive. What a watcher and a beat say names jobs,
    files and apps of any namespace: without `names_all` it is left out.
    """
    alive = {one.process.kind for one in processes}
    found = []
    if "beat" not in alive:
        found.append(Concern("No beat is at work: nothing starts by itself.", "jobrunner beat"))
    if "worker" not in alive:
        found.append(Concern("No worker is at work: runs wait.", "jobrunner worker"))
    elif unserved := unserved_queues(front.queues, processes):
        found.append(_of_unserved(unserved))
    if reasons := not_sent_to(processes):
        found += _of_apps(reasons, names_all=names_all)
    if front.figures.schedules_in_error:
        found.append(Concern("A schedule has no next time that can be computed.", "jobrunner list"))
    stuck = [one.process.details for one in processes if _is_stuck(one)]
    return found + [_of_watcher(details, names_all=names_all) for details in stuck]


def _of_unserved(queues: Sequence[str]) -> Concern:
    more = f" and {len(queues) - _QUEUES_NAMED} more" if len(queues) > _QUEUES_NAMED else ""
    named = ", ".join(queues[:_QUEUES_NAMED])
    noun = "queue" if len(queues) == 1 else "queues"
    return Concern(
        f"No worker takes from the {noun} {named}{more}: runs wait there.",
        f"jobrunner worker -Q {queues[0]}",
    )


def _of_apps(reasons: Sequence[str], *, names_all: bool) -> list[Concern]:
    if not names_all:
        return [Concern("A Celery app cannot be sent to; its runs wait.")]
    return [Concern(f"{reason.rstrip('.')}; its runs wait.") for reason in reasons]


def _is_stuck(one: SeenProcess) -> bool:
    return one.process.kind == "watch" and one.process.details.get("config") in {
        "refused",
        "invalid",
    }


def _of_watcher(details: Any, *, names_all: bool) -> Concern:
    said = str(details.get("message") or "").partition("\n")[0]
    why = f": {said}" if names_all else "."
    if details.get("config") == "refused":
        return Concern(f"A change of the files waits for a person{why}", "jobrunner plan")
    return Concern(
        f"The files cannot be applied, the last good state stays{why}", "jobrunner validate"
    )


def sees_pause(caller: Caller, pause: PauseInForce) -> bool:
    """Pauses of queues and tags are everybody's; of a job and a namespace, theirs who see it."""
    if pause.scope in {"queue", "tag"}:
        return True
    return caller.may(Permission.READ, pause.target.partition("/")[0])
