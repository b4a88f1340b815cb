"""Files → the project and its jobs, with every mistake of the whole tree."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Table
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial

from jobrunner.garbage import collection_paused
from jobrunner.spec.calls import Call
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.environments import Environment
from jobrunner.spec.exclusions import Calendars
from jobrunner.spec.inheritance import Layer, Layers, written_out
from jobrunner.spec.interpolation import without_pending
from jobrunner.spec.job import Surroundings, check_template, read_defaults, read_job
from jobrunner.spec.keys import check_keys
from jobrunner.spec.matrix import (
    Combination,
    fill_keys,
    keys_to_fill,
    read_matrix,
    without_values,
)
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.moves import WrittenMove, check_moves, read_moves
from jobrunner.spec.paths import Allowed
from jobrunner.spec.project import NOTHING_GIVEN, DefinedNotifier, Given, Move, ProjectSpec
from jobrunner.spec.project_file import (
    ProjectFile,
    as_mapping,
    check_matches,
    check_version,
    read_fixed_part,
    read_project_file,
)
from jobrunner.spec.readings import FileReading, KnownReadings, Readings
from jobrunner.spec.repetition import repeats_few
from jobrunner.spec.report import PieceError, Report
from jobrunner.spec.templates import Template, Templates, read_templates
from jobrunner.spec.tree import Entry, Mapping, Scalar, is_null, kind, plain
from jobrunner.spec.values import check_name
from jobrunner.spec.yaml import SourceFile, read_tree

DEFAULT_NAMESPACE = "default"
MOST_OF_MATRICES = 10_000
"""Jobs that the matrices of one file make: a few lines could ask for millions."""


@dataclass(frozen=True, slots=True)
class ParsedProject:
    """All that the files say. With an error among the diagnostics, `jobs` are only the good ones."""

    project: ProjectSpec
    notifiers: Table[str, DefinedNotifier]
    jobs: tuple[DefinedJob, ...]
    """Sorted by address."""
    moves: tuple[Move, ...]
    """Of all files, in file order."""
    diagnostics: tuple[Diagnostic, ...]
    """In file order: the project file, then the others as they were given."""
    calls: tuple[Call, ...]
    """What the jobs call, in the order of the text; also those of a job with a mistake elsewhere."""


@dataclass(frozen=True, slots=True)
class TracedJob:
    """A job with all that it was put together from."""

    job: DefinedJob
    layers: Layers
    """Its own keys are on top."""
    environment: Environment | None
    """The one that was chosen."""


def parse_project(
    config: SourceFile | None,
    files: Sequence[SourceFile],
    *,
    given: Given = NOTHING_GIVEN,
    is_whole: bool = True,
    readings: KnownReadings | None = None,
) -> ParsedProject:
    """Read everything, report everything, raise nothing. `config` is the project file, if any.

    `is_whole`: false where `files` are only some of the project's, and others may have what is missing.
    `readings` spares what has been read before, or is read elsewhere.
    """
    reader = _read_all(config, files, given, readings=readings)
    moves = reader.check_moves(is_whole=is_whole)
    if is_whole:
        check_matches(reader.file.include, [file.path for file in files], reader.report)
    paths = [config.path] if config else []
    diagnostics = reader.report.in_file_order(paths + [file.path for file in files])
    jobs = tuple(sorted(reader.jobs, key=lambda job: job.address))
    file = reader.file
    return ParsedProject(
        file.project, file.notifiers, jobs, moves, diagnostics, tuple(reader.calls)
    )


def paths_in_pieces(files: Iterable[SourceFile]) -> frozenset[str]:
    """The paths that more than one of them has."""
    paths = Counter(file.path for file in files)
    return frozenset(path for path, number in paths.items() if number > 1)


class PartialReader:
    """Reads some files of a project, and then others; what is missing in them may stand in those of
    somebody else. Tells of no mistake.
    """

    def __init__(
        self, config: SourceFile | None, given: Given, *, in_pieces: frozenset[str] = frozenset()
    ) -> None:
        self._config_path = config.path if config else ""
        self._report = Report(in_pieces=in_pieces)
        self._reader = _JobReader(read_project_file(config, given, self._report), self._report, "")
        self._reader.read_project_jobs()
        self._mistaken: set[str] = set()
        """Of those in pieces."""

    @property
    def project(self) -> ProjectSpec:
        """What the project file says."""
        return self._reader.file.project

    def read(self, files: Sequence[SourceFile]) -> list[FileReading | None]:
        """What each of these gives; None for one with a mistake, and for all when the project file has one:
        a mistake there is told once, by whichever file meets it first.
        """
        with collection_paused():
            found = [self._read(file) for file in files]
        is_config_sound = self._config_path not in self._report.files
        return found if is_config_sound else [None] * len(files)

    def _read(self, file: SourceFile) -> FileReading | None:
        if file.path in self._mistaken:
            return None  # the whole of it is read, and that by somebody else
        try:
            found = self._reader.read_file(file)
        except PieceError:
            self._mistaken.add(file.path)
            return None
        return None if file.path in self._report.files else found


def trace_job(
    config: SourceFile | None,
    files: Sequence[SourceFile],
    address: str,
    *,
    given: Given = NOTHING_GIVEN,
) -> TracedJob | None:
    """Where the values of one job come from: everything is read once more for it. None for a job that
    is not there, or has a mistake.
    """
    reader = _read_all(config, files, given, traced=address)
    job = next((one for one in reader.jobs if one.address == address), None)
    if job is None or reader.traced is None:
        return None
    return TracedJob(job, reader.traced, reader.file.environments.chosen)


def parse_project_file(config: SourceFile | None) -> tuple[ProjectSpec, tuple[Diagnostic, ...]]:
    """What of the project is the same in every environment: its name, where the job files are, what may
    be loaded. It has to be known before they are read, and where no variables are.
    """
    report = Report()
    project = read_fixed_part(config, report)
    return project, report.in_file_order([])


def _read_all(
    config: SourceFile | None,
    files: Sequence[SourceFile],
    given: Given,
    *,
    traced: str = "",
    readings: KnownReadings | None = None,
) -> "_JobReader":
    readings = readings or Readings()
    pieces = readings.begin(config, given, files)
    with collection_paused():
        with suppress(PieceError):
            return _read_files(config, pieces, given, traced, readings)
        # Behind the block, when nothing is left of what was read of the pieces.
        return _read_files(config, files, given, traced, readings)


def _read_files(
    config: SourceFile | None,
    files: Sequence[SourceFile],
    given: Given,
    traced: str,
    readings: KnownReadings,
) -> "_JobReader":
    report = Report(in_pieces=paths_in_pieces(files))
    reader = _JobReader(read_project_file(config, given, report), report, traced)
    reader.read_project_jobs()
    fresh = [
        (file, reader.read_file(file))
        for file in files
        if not reader.take(file, readings.find(file))
    ]
    readings.keep(fresh, report.files)
    return reader


@dataclass(frozen=True, slots=True)
class _Document:
    """What the jobs of one document have in common."""

    around: Surroundings
    defaults: Layers
    templates: Templates
    bases: dict[tuple[str, ...], Layers] = field(default_factory=dict)
    """By the names of the templates over the defaults: many jobs have the same."""

    def base_of(self, tree: Mapping) -> Layers:
        """What a job starts from."""
        above = self.templates.layers(tree, self.around.report)
        if not above:
            return self.defaults
        names = tuple(layer.name for layer in above)
        if names not in self.bases:
            base = self.defaults
            for layer in above:
                base = base.over(layer)
            self.bases[names] = base
        return self.bases[names]


class _JobReader:
    """Collects the jobs of all files, and knows where each identity stood first."""

    def __init__(self, file: ProjectFile, report: Report, traced: str) -> None:
        self.file = file
        self.report = report
        self.jobs: list[DefinedJob] = []
        self.calls: list[Call] = []
        self._moves: list[WrittenMove] = []
        self.traced: Layers | None = None
        """Of the job whose address is asked for."""
        self._address_traced = traced
        self._allowed = Allowed(file.project.allow.tasks)
        self._calendars = Calendars(file.project.calendars)
        self._first_places: dict[str, Scalar] = {}
        self._new_places: dict[str, Scalar] = {}
        """Those of the file that is being read."""
        self._of_matrices: dict[str, int] = {}
        """Path of a file → how many jobs its matrices have made."""
        self._defaults = self._project_defaults()
        self._check_templates(file.templates, Templates(), DEFAULT_NAMESPACE)

    def read_project_jobs(self) -> None:
        """Those that stand in the project file itself."""
        around = self._around(DEFAULT_NAMESPACE)
        self._read_jobs(self.file.jobs, _Document(around, self._defaults, self.file.templates))
        self._moves += read_moves(self.file.moved, DEFAULT_NAMESPACE, self.report)

    def take(self, file: SourceFile, known: FileReading | None) -> bool:
        """What a file gives as somebody else has read it, unless a job of it is defined elsewhere, too, or
        the file as a whole repeats too much.
        """
        if known is None or not self._first_places.keys().isdisjoint(known.places):
            return False
        if not self.report.may_repeat(file.path, known.repeated):
            return False
        self.jobs += known.jobs
        self.calls += known.calls
        self._moves += known.moves
        self._first_places |= known.places
        return True

    def read_file(self, file: SourceFile) -> FileReading:
        """All documents of one job file; what they have added."""
        jobs, calls, moves = len(self.jobs), len(self.calls), len(self._moves)
        repeated = self.report.repeated(file.path)
        self._new_places = {}
        self._read_documents(file)
        return FileReading(
            tuple(self.jobs[jobs:]),
            tuple(self.calls[calls:]),
            tuple(self._moves[moves:]),
            self._new_places,
            self.report.repeated(file.path) - repeated,
        )

    def _read_documents(self, file: SourceFile) -> None:
        _, documents = read_tree(file, self.report)
        for document in documents:
            tree = as_mapping(document, "a job file", "jobs:", self.report)
            if tree is not None:
                self._read_document(self.file.interpolator.document(tree))

    def check_moves(self, *, is_whole: bool) -> tuple[Move, ...]:
        """Those of all files, once all jobs are known. Where something could not be read, a job may be
        there that nobody has seen.
        """
        is_whole = is_whole and not self.report.has_errors()
        return check_moves(self._moves, self._first_places, self.report, is_whole=is_whole)

    def _project_defaults(self) -> Layers:
        """The project's own, and over them those of the environment."""
        around = self._around(DEFAULT_NAMESPACE)
        layers = Layers()
        if self.file.defaults is not None:
            layers = read_defaults(self.file.defaults, "project defaults", layers, around)
        chosen = self.file.environments.chosen
        if chosen is not None and chosen.defaults is not None:
            entry = self.file.interpolator.defaults_of_environment(chosen.defaults)
            layers = read_defaults(entry, f"environment {chosen.key.value}", layers, around)
        return layers

    def _read_document(self, tree: Mapping) -> None:
        check_keys(tree, "a job file", self.report)
        if not check_version(tree, self.report):
            return
        namespace = DEFAULT_NAMESPACE
        node = tree.get("namespace")
        if node is not None and not is_null(node) and check_name(node, "a namespace", self.report):
            namespace = str(plain(node))
        around = self._around(namespace)
        templates = read_templates(tree.entries.get("templates"), self.file.templates, self.report)
        self._check_templates(templates, self.file.templates, namespace)
        defaults, entry = self._defaults, tree.entries.get("defaults")
        if entry is not None:
            defaults = read_defaults(entry, "file defaults", defaults, around)
        self._read_jobs(tree.entries.get("jobs"), _Document(around, defaults, templates))
        self._moves += read_moves(tree.entries.get("moved"), namespace, self.report)

    def _check_templates(self, templates: Templates, known: Templates, namespace: str) -> None:
        """Also those that nobody uses, and each mistake at the template alone."""
        for name, template in templates.by_name.items():
            if name not in known.by_name:
                self._check_template(name, template, templates, namespace)

    def _check_template(
        self, name: str, template: Template, templates: Templates, namespace: str
    ) -> None:
        layers = Layers()
        for layer in templates.layers_of(name, self.report):
            layers = layers.over(layer)
        if layers.merged is not None:
            check_template(template.key, layers.merged, self._around(namespace))

    def _read_jobs(self, entry: Entry | None, document: _Document) -> None:
        """The mapping below `jobs:`."""
        if entry is None or is_null(entry.value):
            return
        if not isinstance(entry.value, Mapping):
            self.report.at(
                entry.value, "E203", f"'jobs' takes a mapping of names, not {kind(entry.value)}",
                help="write each job below its name: jobs: {nightly: {task: …}}; names are identities",
            )  # fmt: skip
            return
        for item in entry.value.entries.values():
            self._read_job(item, document)

    def _read_job(self, item: Entry, document: _Document) -> None:
        key, tree = item.key, item.value
        named = check_name(key, "the name of a job", self.report)
        if not isinstance(tree, Mapping):
            self.report.at(
                key if is_null(tree) else tree, "E203", f"a job is a mapping, not {kind(tree)}",
                help="write task: package.module.callable below the name, indented",
            )  # fmt: skip
            return
        tree = written_out(tree)
        check_keys(tree, "a job", self.report)
        layers = self._layers(tree, document)
        matrix = tree.entries.get("matrix")
        if matrix is None or is_null(matrix.value):
            self._read_one(key, layers, document.around, is_named=named)
            return
        combinations = self._combinations(key, matrix) if named else None
        if combinations is None:
            known = partial(layers.each_by, without_pending)
            self._read_one(key, layers, document.around, is_named=False, whole=known)
            return
        common = layers.each_by(without_values)
        keys = cache(partial(keys_to_fill, [layer.tree for layer in common.each]))
        for combination in combinations:
            name = key._replace(value=combination.name)
            filled = partial(self._filled, common, keys, combination)
            self._read_one(name, common, document.around, is_named=True, whole=filled)

    def _layers(self, tree: Mapping, document: _Document) -> Layers:
        """All that a job is put together from; its own keys alone where its file repeats too much already."""
        own, base = Layer("job", tree), document.base_of(tree)
        return (base if self.report.may_repeat(tree.source.path) else Layers()).over(own)

    def _combinations(self, key: Scalar, matrix: Entry) -> list[Combination] | None:
        """None after a mistake. With too many in a file that is told once, and no further one is read."""
        path = key.source.path
        before = self._of_matrices.get(path, 0)
        if before > MOST_OF_MATRICES or not self.report.has_room(key.source):
            return None
        found = read_matrix(key, matrix, self.report)
        self._of_matrices[path] = before + len(found or ())
        if self._of_matrices[path] <= MOST_OF_MATRICES:
            return found
        self.report.at(
            matrix.key, "E236", f"the matrices of this file make more than {MOST_OF_MATRICES:,} jobs",
            help="divide the jobs among several files",
        )  # fmt: skip
        return None

    def _filled(
        self, layers: Layers, keys: Callable[[], frozenset[str]], combination: Combination
    ) -> Layers:
        to_fill = keys()
        if not to_fill:
            return layers
        return layers.each_by(
            lambda tree: fill_keys(tree, to_fill, combination.values, self.report)
        )

    def _read_one(
        self,
        key: Scalar,
        layers: Layers,
        around: Surroundings,
        *,
        is_named: bool,
        whole: Callable[[], Layers] | None = None,
    ) -> None:
        """`whole` makes of the layers what is read. It looks through all of them, which a megabyte could
        ask for thousands of times: only where they may be repeated.
        """
        is_new = not is_named or self._is_new(key, around.namespace)
        name = key if is_named else key._replace(value="unnamed")
        if not (self.report.has_room(key.source) and repeats_few(name, layers, self.report)):
            return
        layers = layers if whole is None else whole()
        job = read_job(name, layers, around)
        if job is None or not (is_named and is_new):
            return
        self.jobs.append(job)
        if job.address == self._address_traced:
            self.traced = layers

    def _is_new(self, key: Scalar, namespace: str) -> bool:
        address = f"{namespace}/{key.value}"
        first = self._first_places.setdefault(address, key)
        if first is key:
            self._new_places[address] = key
            return True
        self.report.at(
            key, "E401", f"the job '{address}' is defined a second time",
            help="rename one of the two, or remove it",
            notes=(f"first at {first.source.path}:{first.line}:{first.column}",),
        )  # fmt: skip
        return False

    def _around(self, namespace: str) -> Surroundings:
        chosen = self.file.environments.chosen
        return Surroundings(
            namespace=namespace,
            project=self.file.project,
            allowed=self._allowed,
            calendars=self._calendars,
            queues=self.file.queues,
            report=self.report,
            calls=self.calls,
            interpolator=self.file.interpolator,
            is_disabled=chosen is not None and chosen.gate is not None,
        )
