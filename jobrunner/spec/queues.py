"""`queues`: those that the project declares, and the names that are none of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.keys import KEYS, check_keys
from jobrunner.spec.models import JobSpec
from jobrunner.spec.project import Queue
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, kind
from jobrunner.spec.values import check_name, read_model

_EXAMPLE = "write queues: {default: {}, reports: {}}"
_BUILT_IN = JobSpec.model_fields["queue"].default


@dataclass(frozen=True, slots=True)
class DeclaredQueues:
    """None declared: any name will do."""

    key: Scalar | None = None
    by_name: dict[str, Queue] = field(default_factory=dict)


def read_queues(entry: Entry | None, report: Report) -> DeclaredQueues:
    """What stands below `queues:`."""
    if entry is None or is_null(entry.value):
        return DeclaredQueues()
    if not isinstance(entry.value, Mapping):
        message = f"'queues' takes a mapping of names, not {kind(entry.value)}"
        report.at(entry.value, "E203", message, help=_EXAMPLE)
        return DeclaredQueues()
    by_name = {
        name: _read(item, report)
        for name, item in entry.value.entries.items()
        if check_name(item.key, "the name of a queue", report)
    }
    return DeclaredQueues(entry.key, by_name)


def check_queues(
    job: Mapping, schedules: Iterable[Mapping], declared: DeclaredQueues, report: Report
) -> None:
    """A warning where a job or one of its schedules names a queue that is not declared, or names none
    and gets one that is not.
    """
    if not declared.by_name or declared.key is None:
        return
    own = job.get("queue")
    if is_null(own) and _BUILT_IN not in declared.by_name:
        report.at(
            declared.key, "W251", f"jobs without 'queue' go to '{_BUILT_IN}', which is not declared",
            help=f"add {_BUILT_IN}: {{}}, or write defaults: {{queue: …}}",
        )  # fmt: skip
    for node in (own, *(schedule.get("queue") for schedule in schedules)):
        _check_name_used(node, declared, report)


def _read(item: Entry, report: Report) -> Queue:
    if is_null(item.value):
        return Queue()
    if not isinstance(item.value, Mapping):
        report.at(
            item.value, "E203", f"a queue is a mapping, not {kind(item.value)}", help=_EXAMPLE
        )
        return Queue()
    check_keys(item.value, "a queue", report)
    values = item.value.given(KEYS["a queue"])
    reading = read_model(Queue, values, item.value, whole=item.key, report=report)
    return reading.model or Queue()


def _check_name_used(node: Node | None, declared: DeclaredQueues, report: Report) -> None:
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        return
    if node.value not in declared.by_name and report.takes(node, "W251"):
        guess = did_you_mean(node.value, tuple(declared.by_name))
        known = f"'queues' in the project file declares: {listed(declared.by_name)}"
        report.at(
            node, "W251", f"the queue '{node.value}' is not declared",
            help=f"did you mean '{guess}'?" if guess else known, topic=node.value,
        )  # fmt: skip
