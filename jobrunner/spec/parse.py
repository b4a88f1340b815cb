"""Files → the project and its jobs, with every mistake of the whole tree."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from jobrunner.spec.calls import Call
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.exclusions import days_of_calendars, read_calendars
from jobrunner.spec.job import Surroundings, read_defaults, read_job
from jobrunner.spec.keys import KEYS, check_keys
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.project import NOTHING_GIVEN, Given, Move, ProjectSpec
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Source, is_null, kind, plain, walk
from jobrunner.spec.values import check_name, read_model
from jobrunner.spec.yaml import SourceFile, read_tree

FORMAT_VERSION = 1
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class ParsedProject:
    """All that the files say. With an error among the diagnostics, `jobs` are only the good ones."""

    project: ProjectSpec
    jobs: tuple[DefinedJob, ...]
    """Sorted by address."""
    moves: tuple[Move, ...]
    """Of all files, in file order."""
    diagnostics: tuple[Diagnostic, ...]
    """In file order: the project file, then the others as they were given."""
    calls: tuple[Call, ...]
    """What the jobs call, in the order of the text; also those of a job with a mistake elsewhere."""


def parse_project(
    config: SourceFile | None, files: Sequence[SourceFile], *, given: Given = NOTHING_GIVEN
) -> ParsedProject:
    """Read everything, report everything, raise nothing. `config` is the project file, if any."""
    del given
    report = Report()
    with _collection_paused():
        project, tree, defaults = _read_project_file(config, report)
        reader = _JobReader(project, defaults, report)
        if tree is not None:
            reader.read_jobs(tree.entries.get("jobs"), DEFAULT_NAMESPACE, defaults)
        for file in files:
            reader.read_file(file)
    paths = [config.path] if config else []
    jobs = tuple(sorted(reader.jobs, key=lambda job: job.address))
    return ParsedProject(
        project, jobs, (), report.in_file_order(paths + [file.path for file in files]),
        tuple(reader.calls),
    )  # fmt: skip


def parse_project_file(config: SourceFile | None) -> tuple[ProjectSpec, tuple[Diagnostic, ...]]:
    """The project file alone: where the job files are has to be known before they are read."""
    report = Report()
    project, _, _ = _read_project_file(config, report)
    return project, report.in_file_order([])


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Reading makes half a million objects of a large tree, none of them garbage.

    Python's collector would go through all of them again and again and take most of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_project_file(
    config: SourceFile | None, report: Report
) -> tuple[ProjectSpec, Mapping | None, Mapping | None]:
    """The project, its tree and its defaults. What cannot be read is as if it were not written."""
    tree = _only_document(config, report) if config else None
    if tree is None:
        return ProjectSpec(), None, None
    check_keys(tree, "the project file", report)
    _check_version(tree, report)
    values = tree.given(("project", "include", "queues", "notifiers", "guards"))
    for name in ("allow", "celery"):
        node = tree.get(name)
        if isinstance(node, Mapping):
            check_keys(node, name, report)
            values[name] = node.given(KEYS[name])
        elif not is_null(node):
            values[name] = plain(node) if node else None
    reading = read_model(ProjectSpec, values, tree, whole=tree, report=report)
    project = reading.model or ProjectSpec()
    calendars = read_calendars(tree.get("calendars"), report)
    project = project.model_copy(update={"calendars": calendars})
    _check_include(tree.get("include"), report)
    entry = tree.entries.get("defaults")
    if entry is None:
        return project, tree, None
    around = Surroundings(DEFAULT_NAMESPACE, None, project, {}, report, [])
    defaults = read_defaults(entry, None, around)
    if defaults is not None:
        project = project.model_copy(update={"defaults": plain(defaults)})
    return project, tree, defaults


def _only_document(config: SourceFile, report: Report) -> Mapping | None:
    source, documents = read_tree(config, report)
    _check_interpolation(source, documents, report)
    if len(documents) > 1:
        report.at(
            documents[1], "E203", "the project file is one document",
            help="remove the '---', or move the jobs to a job file",
        )  # fmt: skip
    if not documents:
        return None
    return _as_mapping(documents[0], "the project file", "project: acme-jobs", report)


def _as_mapping(document: Node, what: str, example: str, report: Report) -> Mapping | None:
    if isinstance(document, Mapping):
        return document
    report.at(
        document, "E203", f"{what} is a mapping, not {kind(document)}",
        help=f"write keys at the start of the line, for example {example}",
    )  # fmt: skip
    return None


def _check_version(tree: Mapping, report: Report) -> bool:
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
        parts = item.value.split("/")
        if not item.value or parts[0] == "" or ".." in parts or "\\" in item.value:
            report.at(
                item, "E215", "a pattern of 'include' stays below the project file's folder",
                help="write for example jobs.d/**/*.yaml",
            )  # fmt: skip


def _check_interpolation(source: Source, documents: Sequence[Node], report: Report) -> None:
    """`${…}` belongs to the format; to read it as a plain value would be a trap."""
    if "${" not in source.text:
        return
    for document in documents:
        for node in walk(document):
            if isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value:
                report.at(
                    node, "E202", "'${…}' is not supported by this version yet",
                    help="write the value itself",
                )  # fmt: skip


class _JobReader:
    """Collects the jobs of all files, and knows where each identity stood first."""

    def __init__(self, project: ProjectSpec, defaults: Mapping | None, report: Report) -> None:
        self.jobs: list[DefinedJob] = []
        self.calls: list[Call] = []
        self._project = project
        self._calendars = days_of_calendars(project.calendars)
        self._defaults = defaults
        self._report = report
        self._first_places: dict[str, Scalar] = {}

    def read_file(self, file: SourceFile) -> None:
        """All documents of one job file."""
        source, documents = read_tree(file, self._report)
        _check_interpolation(source, documents, self._report)
        for document in documents:
            tree = _as_mapping(document, "a job file", "jobs:", self._report)
            if tree is not None:
                self._read_document(tree)

    def _read_document(self, tree: Mapping) -> None:
        check_keys(tree, "a job file", self._report)
        if not _check_version(tree, self._report):
            return
        namespace = DEFAULT_NAMESPACE
        node = tree.get("namespace")
        if node is not None and not is_null(node) and check_name(node, "a namespace", self._report):
            namespace = str(plain(node))
        defaults = self._defaults
        entry = tree.entries.get("defaults")
        if entry is not None:
            defaults = read_defaults(entry, defaults, self._around(namespace, None))
        self.read_jobs(tree.entries.get("jobs"), namespace, defaults)

    def read_jobs(self, entry: Entry | None, namespace: str, defaults: Mapping | None) -> None:
        """The mapping below `jobs:`."""
        if entry is None or is_null(entry.value):
            return
        if not isinstance(entry.value, Mapping):
            self._report.at(
                entry.value, "E203", f"'jobs' takes a mapping of names, not {kind(entry.value)}",
                help="write each job below its name: jobs: {nightly: {task: …}}; names are identities",
            )  # fmt: skip
            return
        around = self._around(namespace, defaults)
        for item in entry.value.entries.values():
            self._read_job(item, around)

    def _read_job(self, item: Entry, around: Surroundings) -> None:
        key, tree = item.key, item.value
        named = check_name(key, "the name of a job", self._report)
        if not isinstance(tree, Mapping):
            self._report.at(
                key if is_null(tree) else tree, "E203", f"a job is a mapping, not {kind(tree)}",
                help="write task: package.module.callable below the name, indented",
            )  # fmt: skip
            return
        is_new = not named or self._is_new(key, around.namespace)
        job = read_job(key if named else key._replace(value="unnamed"), tree, around)
        if job is not None and named and is_new:
            self.jobs.append(job)

    def _is_new(self, key: Scalar, namespace: str) -> bool:
        address = f"{namespace}/{key.value}"
        first = self._first_places.setdefault(address, key)
        if first is key:
            return True
        self._report.at(
            key, "E401", f"the job '{address}' is defined a second time",
            help="rename one of the two, or remove it",
            notes=(f"first at {first.source.path}:{first.line}:{first.column}",),
        )  # fmt: skip
        return False

    def _around(self, namespace: str, defaults: Mapping | None) -> Surroundings:
        return Surroundings(
            namespace, defaults, self._project, self._calendars, self._report, self.calls
        )
