"""What is different in a job that is a `celery_task`: the workers of another app run it by their rules."""

from typing import Any

from jobrunner.spec.models import CeleryApp
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Mapping, Scalar, is_null

ROUTED_QUEUE = "celery"
"""Celery's own name for its queue; here also for whatever the app's routes say."""

_OF_ITS_OWN = ("retry", "on_lost", "soft_timeout", "isolate")
_WHEN_IT_ENDS = ("on_end", "max_concurrency")


def is_celery_task(job: Mapping) -> bool:
    """Whether `celery_task` is what the job gives."""
    return not is_null(job.get("celery_task"))


def celery_values(tree: Mapping, app: CeleryApp) -> dict[str, Any]:
    """Fields that such a job has whatever it inherits; `tree` is what the job itself says.

    A queue that it inherits is one of our own workers'; retries are the task's own business, and what
    was sent is never sent again.
    """
    fixed: dict[str, Any] = {
        "retry": {"max_retries": 0},
        "on_lost": "fail",
        "soft_timeout": None,
        "isolate": False,
    }
    if app != CeleryApp():
        fixed["celery"] = app.model_dump(mode="json")
    if is_null(tree.get("queue")):
        fixed["queue"] = ROUTED_QUEUE
    return fixed


def fixed_keys(tree: Mapping) -> tuple[str, ...]:
    """Keys of which such a job inherits nothing."""
    return (*_OF_ITS_OWN, *(("queue",) if is_null(tree.get("queue")) else ()))


def is_sound(job: Mapping, tree: Mapping, app: CeleryApp, report: Report) -> bool:
    """Whether it asks only for what can be kept. Inherited keys of no use are passed over."""
    useless = [tree.entries[name].key for name in _OF_ITS_OWN if not is_null(tree.get(name))]
    for key in useless:
        report.at(
            key, "E212", f"'{key.value}' means nothing for a 'celery_task': its app's own workers run it",
            help="remove it, and set it in the Celery task itself",
        )  # fmt: skip
    return not (useless or _needs_an_end(job, app, report))


def _needs_an_end(job: Mapping, app: CeleryApp, report: Report) -> bool:
    """Whether it asks when a run is over, and nothing will tell. Reported."""
    if app.tracked:
        return False
    asking = [job.entries[name].key for name in _WHEN_IT_ENDS if not is_null(job.get(name))]
    overlap = job.get("overlap")
    if not (isinstance(overlap, Scalar) and overlap.value == "allow"):
        asking.append(job.entries["celery_task"].key)
    for key in asking:
        asks = "'overlap'" if key.value == "celery_task" else f"'{key.value}'"
        advice = "write overlap: allow" if key.value == "celery_task" else "remove it"
        report.at(
            key, "E212", f"nothing tells when a run of this 'celery_task' is over, and {asks} asks for it",
            help=f"{advice}, or celery: {{tracked: true}} in the project file where its workers call "
            "jobrunner.contrib.celery.install(app)",
        )  # fmt: skip
    return bool(asking)
