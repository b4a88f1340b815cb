"""How much the jobs of one file may have that it writes only once."""

from jobrunner.spec.inheritance import Layers
from jobrunner.spec.report import MOST_REPEATED, Report
from jobrunner.spec.tree import Mapping, Node, Scalar, size

_WEIGHT_OF_A_SCHEDULE = 24
"""In values that take as long to read, and as much memory."""


def repeats_few(key: Scalar, layers: Layers, report: Report) -> bool:
    """Whether the file's jobs may repeat what this one takes from elsewhere, or has in common with others
    of its matrix: a megabyte has room for a large template and for thousands of jobs of it.
    """
    *inherited, own = (layer.tree for layer in layers.each)
    if "matrix" in own.entries:
        inherited.append(own.without("matrix"))
    if report.may_repeat(key.source.path) and report.may_repeat(
        key.source.path, sum(map(_weight, inherited))
    ):
        return True
    _refuse(
        key,
        "divide them among several files, or keep less in defaults, templates and matrices",
        report,
    )
    return False


def shares_few(own: Mapping, kwargs: Mapping, report: Report) -> bool:
    """Whether a schedule may have its job's arguments beside its own: each of many repeats them."""
    if report.may_repeat(own.source.path, size(kwargs)):
        return True
    _refuse(own, "divide them among several files, or give the job fewer arguments", report)
    return False


def _refuse(node: Node, advice: str, report: Report) -> None:
    message = f"the jobs of this file repeat more than {MOST_REPEATED:,} values"
    report.at(node, "E107", message, help=advice, topic=node.source.path)


def _weight(tree: Mapping) -> int:
    schedules = tree.get("schedules")
    many = len(schedules.entries) if isinstance(schedules, Mapping) else 0
    return size(tree) + _WEIGHT_OF_A_SCHEDULE * many
