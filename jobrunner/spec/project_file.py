"""The project file: what holds for all jobs, read before them."""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobrunner.spec.environments import Environments, read_environments
from jobrunner.spec.exclusions import read_calendars
from jobrunner.spec.interpolation import Interpolator
from jobrunner.spec.keys import KEYS, check_keys, shortened
from jobrunner.spec.notifiers import read_notifiers
from jobrunner.spec.patterns import matches
from jobrunner.spec.project import DefinedNotifier, Given, Notifier, ProjectSpec
from jobrunner.spec.queues import DeclaredQueues, read_queues
from jobrunner.spec.report import Report
from jobrunner.spec.templates import Templates, read_templates
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, kind, plain
from jobrunner.spec.tree import Sequence as ListNode
from jobrunner.spec.values import read_model
from jobrunner.spec.yaml import SourceFile, read_tree

FORMAT_VERSION = 1

_SAME_EVERYWHERE = ("allow", "celery")
_EXPANDED = ("guards",)


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What a job of any file is read with."""

    project: ProjectSpec
    environments: Environments
    interpolator: Interpolator
    templates: Templates
    queues: DeclaredQueues
    notifiers: Table[str, DefinedNotifier]
    defaults: Entry | None
    """Not checked yet, like the templates: they are keys of a job."""
    jobs: Entry | None
    moved: Entry | None
    include: Node | None


def read_project_file(config: SourceFile | None, given: Given, report: Report) -> ProjectFile:
    """All of it but what jobs are made of. What cannot be read is as if it were not written."""
    tree = _only_document(config, report) if config else None
    entries = tree.entries if tree else {}
    environments = read_environments(entries.get("environments"), given, report)
    interpolator = Interpolator(environments.variables(given), report)
    if tree is not None:
        tree = interpolator.document(tree)
        entries = tree.entries
    queues = read_queues(entries.get("queues"), report)
    notifiers = read_notifiers(tree.get("notifiers") if tree else None, report)
    return ProjectFile(
        project=_read_project(tree, environments, queues, notifiers, report),
        environments=environments,
        interpolator=interpolator,
        templates=read_templates(entries.get("templates"), Templates(), report),
        queues=queues,
        notifiers=notifiers,
        defaults=entries.get("defaults"),
        jobs=entries.get("jobs"),
        moved=entries.get("moved"),
        include=tree.get("include") if tree else None,
    )


def read_fixed_part(config: SourceFile | None, report: Report) -> ProjectSpec:
    """What is the same in every environment: the project's name, where its jobs are, and what may be
    loaded. A process that runs jobs needs no more, and no variables for it.
    """
    tree = _only_document(config, report) if config else None
    return ProjectSpec() if tree is None else _read_fixed(tree, (), report)


def _read_project(
    tree: Mapping | None,
    environments: Environments,
    queues: DeclaredQueues,
    notifiers: Table[str, DefinedNotifier],
    report: Report,
) -> ProjectSpec:
    if tree is None:
        return ProjectSpec()
    project = _read_fixed(tree, _EXPANDED, report)
    defaults = tree.get("defaults")
    update: dict[str, Any] = {
        "calendars": read_calendars(tree.get("calendars"), report),
        "notifiers": {name: Notifier(url=one.url) for name, one in notifiers.items()},
        "queues": queues.by_name,
        "defaults": plain(defaults) if isinstance(defaults, Mapping) else {},
    }
    if environments.chosen is not None:
        update["guards"] = environments.chosen.spec.guards.over(project.guards)
    return project.model_copy(update=update)


def _read_fixed(tree: Mapping, others: Sequence[str], report: Report) -> ProjectSpec:
    check_keys(tree, "the project file", report)
    check_version(tree, report)
    values = tree.given(("project", "include"))
    for name in (*_SAME_EVERYWHERE, *others):
        node = tree.get(name)
        if isinstance(node, Mapping):
            check_keys(node, name, report)
            values[name] = node.given(KEYS[name])
        elif not is_null(node):
            values[name] = plain(node) if node else None
    reading = read_model(ProjectSpec, values, tree, whole=tree, report=report)
    _check_include(tree.get("include"), report)
    return reading.model or ProjectSpec()


def _only_document(config: SourceFile, report: Report) -> Mapping | None:
    _, documents = read_tree(config, report)
    if len(documents) > 1:
        report.at(
            documents[1], "E203", "the project file is one document",
            help="remove the '---', or move the jobs to a job file",
        )  # fmt: skip
    if not documents:
        return None
    return as_mapping(documents[0], "the project file", "project: acme-jobs", report)


def check_matches(include: Node | None, paths: Sequence[str], report: Report) -> None:
    """A warning at each pattern that matches none of the job files. Of `*.yaml` and `*.yml` one will do."""
    written = include.items if isinstance(include, ListNode) else ()
    nodes = [
        node
        for node in written
        if isinstance(node, Scalar) and isinstance(node.value, str) and _stays_inside(node.value)
    ]
    found = {
        str(node.value).removesuffix(".yml").removesuffix(".yaml")
        for node in nodes
        if any(matches(path, str(node.value)) for path in paths)
    }
    for node in nodes:
        if str(node.value).removesuffix(".yml").removesuffix(".yaml") not in found:
            report.at(
                node, "W101", f"no file matches '{shortened(str(node.value))}'",
                help=_instead(str(node.value)),
            )  # fmt: skip


def _instead(pattern: str) -> str:
    if pattern.endswith((".yaml", ".yml", "*")):
        return "correct the pattern, which begins at the project file's folder, or remove it"
    return f"for the files of a folder write {pattern.rstrip('/')}/**/*.yaml"


def as_mapping(document: Node, what: str, example: str, report: Report) -> Mapping | None:
    """A document of the files; None, and reported, when it is something else."""
    if isinstance(document, Mapping):
        return document
    report.at(
        document, "E203", f"{what} is a mapping, not {kind(document)}",
        help=f"write keys at the start of the line, for example {example}",
    )  # fmt: skip
    return None


def check_version(tree: Mapping, report: Report) -> bool:
    """Whether a document is of the version of the format that is read here."""
    node = tree.get("version")
    if node is None or is_null(node):
        return True
    if isinstance(node, Scalar) and node.value == FORMAT_VERSION and node.value is not True:
        return True
    report.at(
        node, "E213", f"this version of jobrunner reads version {FORMAT_VERSION} of the format",
        help=f"write version: {FORMAT_VERSION}",
    )  # fmt: skip
    return False


def _check_include(include: Node | None, report: Report) -> None:
    if include is None or isinstance(include, (Scalar, Mapping)):
        return
    for item in include.items:
        if not (isinstance(item, Scalar) and isinstance(item.value, str)):
            continue
        if not _stays_inside(item.value):
            report.at(
                item, "E215", "a pattern of 'include' stays below the project file's folder",
                help="write for example jobs.d/**/*.yaml",
            )  # fmt: skip


def _stays_inside(pattern: str) -> bool:
    parts = pattern.split("/")
    return bool(parts[0]) and ".." not in parts and "\\" not in pattern
