"""Files → the callables that they name: are they there, and do `args` and `kwargs` fit them?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobrunner.files import ProjectFiles
from jobrunner.garbage import collection_paused
from jobrunner.misfits import (
    Judged,
    Misfit,
    Problem,
    Shape,
    find_misfits,
    find_misfits_of_on_end,
)
from jobrunner.source.tasks import Described, TaskSources
from jobrunner.spec.calls import Call
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.parse import ParsedProject
from jobrunner.spec.paths import Allowed
from jobrunner.spec.project import TaskCheck
from jobrunner.spec.report import Report, in_file_order
from jobrunner.spec.tree import Node, Scalar, Source, is_null

Judge = Callable[[Call], Judged | Problem | None]
"""What is wrong with a call; None where nothing is, or nobody can tell."""


def check_tasks(
    read: ProjectFiles,
    parsed: ParsedProject,
    *,
    mode: TaskCheck,
    names_missing_modules: bool = False,
) -> tuple[Diagnostic, ...]:
    """The mistakes of `parsed`, and with them those of the calls, in file order.

    `names_missing_modules`: a module that is not installed here is a warning. It is nothing where the
    files may be applied from a machine without the code.
    """
    report = Report()
    patterns = parsed.project.allow.tasks
    allowed = Allowed(patterns)
    calls = sorted(
        (call for call in parsed.calls if call.path in allowed),
        key=lambda call: call.path.rpartition(".")[0],
    )
    with collection_paused(), _opened(mode, read.root, patterns) as judge:
        _report_all(calls, judge, report)
    found = [one for one in report.in_file_order([]) if names_missing_modules or one.code != "W301"]
    return in_file_order((*parsed.diagnostics, *found), [file.path for file in read.sources])


def doubter(root: Path, *, patterns: Sequence[str], mode: TaskCheck) -> Callable[[Call], bool]:
    """Tells of a call whether `check_tasks` may have something to say of it. Imports nothing."""
    match mode:
        case "static":
            sources, allowed = TaskSources(root, allow=patterns), Allowed(patterns)
            return lambda call: call.path in allowed and _by_source(sources, call) is not None
        case "import":
            return lambda _: True
        case "off":
            return lambda _: False


@contextmanager
def _opened(mode: TaskCheck, root: Path, patterns: Sequence[str]) -> Iterator[Judge]:
    match mode:
        case "static":
            sources = TaskSources(root, allow=patterns)
            yield lambda call: _by_source(sources, call)
        case "import":
            # Nobody else pays for loading what starts and ends processes.
            from jobrunner.task_imports import task_imports  # noqa: PLC0415

            with task_imports(root, allow=patterns) as imports:
                yield imports.judge
        case "off":
            yield lambda _: None


def _by_source(sources: TaskSources, call: Call) -> Judged | Problem | None:
    found = sources.look_up(call.path)
    if not isinstance(found, Described):
        return found
    misfits = _misfits(found.shape, call)
    return Judged(found.text, found.place, misfits) if misfits else None


def _misfits(shape: Shape, call: Call) -> list[Misfit]:
    if call.is_on_end:
        return find_misfits_of_on_end(shape)
    return find_misfits(
        shape, call.args, call.kwargs, is_complete=call.is_complete, sensitive=call.sensitive
    )


def _report_all(calls: Sequence[Call], judge: Judge, report: Report) -> None:
    told: set[str] = set()
    for call in calls:
        is_told = call.path.rpartition(".")[0] in told
        if is_told or not report.has_room(call.task.source):
            continue  # each module is looked for on disk, and nothing of it would be told
        match judge(call):
            case Problem() as problem if problem.module not in told:
                told.update({problem.module} - {""})
                report.at(
                    call.task, problem.code, problem.message, help=problem.help,
                    notes=problem.notes, topic=problem.message if problem.code == "E302" else "",
                )  # fmt: skip
            case Judged(task, place, misfits):
                at = f" at {place}" if place else ""
                of = (f"schedule: {call.schedule}",) if call.schedule else ()
                key = "on_end" if call.is_on_end else "task"
                for misfit in misfits:
                    _report_misfit(call, misfit, (*of, f"{key}: {task}{at}"), report)
            case _:
                pass


def _report_misfit(call: Call, misfit: Misfit, notes: tuple[str, ...], report: Report) -> None:
    node: Node = call.node(misfit.place) if misfit.place else call.whole
    what = f"{misfit.place[0] if misfit.place else 'args and kwargs'} do not match the task's signature"
    if call.is_on_end:
        what = "'on_end' is called with the run that has ended, and with nothing more"
    is_value = node.source.hides(node.line) and _may_be_value(call, misfit)
    report.error(
        Source(node.source.path, "") if call.hides(node) else node.source,
        node.line, node.column, "E304", what,
        width=node.width if isinstance(node, Scalar) else 1,
        help=_NO_NAME if is_value else misfit.problem, notes=notes,
    )  # fmt: skip


_NO_NAME = (
    "no parameter has such a name; write 'name: value', and quotes around a value with a comma"
)


def _may_be_value(call: Call, misfit: Misfit) -> bool:
    """`{password:secret}` and `{password: sec,ret}`: a part of the value is read as a name."""
    kind, *at = misfit.place or ("",)
    entries = call.kwargs_node.entries if call.kwargs_node else {}
    entry = entries.get(str(at[0])) if kind == "kwargs" else None
    return entry is not None and (not str(at[0]).isidentifier() or is_null(entry.value))
