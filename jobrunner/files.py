"""The only reader of configuration files: finds them, refuses what is no plain file, reads bytes.

A read is one consistent view: the root is resolved once, and when a link changes its target while
the files are read (a ConfigMap's `..data`, a git-sync's swap), everything is read again.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.parse import parse_project_file
from jobrunner.spec.patterns import ANY_FOLDERS, parts_of, step
from jobrunner.spec.project import ProjectSpec
from jobrunner.spec.report import Report
from jobrunner.spec.sensitive_lines import sensitive_names
from jobrunner.spec.tree import Source
from jobrunner.spec.yaml import SourceFile

PROJECT_FILE = "jobrunner.yaml"
LARGEST_FILE_BYTES = 5 * 1024 * 1024
LARGEST_TREE_BYTES = 100 * 1024 * 1024

_MOST_READS = 5
_CHUNK_BYTES = 1 << 16
_YAML_SUFFIXES = (".yaml", ".yml")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The files of a project as they were at one moment."""

    root: Path
    """Resolved: the project file's folder, or the working directory without one."""
    config: SourceFile | None
    """The project file; None when there is none."""
    project: ProjectSpec
    """What it says in every environment: see `parse_project_file`."""
    files: tuple[SourceFile, ...]
    """What `include` matches, by path."""
    diagnostics: tuple[Diagnostic, ...]
    """What could not be read; the mistakes inside the files are `parse_project`'s."""
    content_hash: str
    """Changes exactly when paths, contents or what could not be read change."""
    missing_folders: tuple[str, ...] = ()
    """Where `include` looks and nothing is at all; an empty folder is not missing."""

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """All of them, the project file first."""
        return (*([self.config] if self.config else []), *self.files)


def read_project(
    *, config: Path | None, working_directory: Path, only: Sequence[Path] = ()
) -> ProjectFiles:
    """All files of the project. `config` names the project file; None looks for it upwards.

    `only` are files and folders that are read instead of what `include` matches, wherever they are.
    Raises nothing for what a file system can do to a reader: it is in `diagnostics`.
    """
    for _ in range(_MOST_READS):
        reader = _Reader(config, working_directory, only)
        found = reader.read()
        if reader.links_stand():
            break
    return found


class _Reader:
    """One reading of the whole tree."""

    def __init__(
        self, config: Path | None, working_directory: Path, only: Sequence[Path] = ()
    ) -> None:
        self._only = [working_directory / path for path in only]
        self._report = Report()
        self._named = config
        self._config = (
            working_directory / config if config is not None else _find_upwards(working_directory)
        )
        folder = self._config.parent if self._config is not None else working_directory
        self._root = Path(os.path.realpath(folder))
        self._bytes_read = 0
        self._sensitive: frozenset[str] = frozenset()
        self._links: dict[str, str] = {}
        """Links that were followed, and where they led."""
        self._real_folders: dict[str, str] = {}

    def read(self) -> ProjectFiles:
        config = self._read_config()
        project, _ = parse_project_file(config)
        if config is not None:
            self._sensitive = sensitive_names(config.content.decode(errors="replace"))
        patterns = [pattern for pattern in project.include if _stays_inside(pattern)]
        paths_read = self._only_paths() if self._only else self._matching(patterns)
        files = tuple(self._read_files(paths_read))
        if self._bytes_read > LARGEST_TREE_BYTES:
            files = ()  # refused as a whole, before anything of it is parsed
        # What may not be looked at is not there for these two, where pathlib's would raise.
        missing = tuple(
            folder
            for folder in sorted({_fixed_folder(pattern) for pattern in patterns})
            if not os.path.exists(self._root / folder)  # noqa: PTH110
        )
        if not os.path.isdir(self._root):  # noqa: PTH112
            self._refuse(".", "E124", f"there is no folder {self._root}", "name one that exists")
        paths = [config.path] if config else []
        diagnostics = self._report.in_file_order(paths + [file.path for file in files])
        content_hash = _hash(config, files, diagnostics, missing)
        return ProjectFiles(self._root, config, project, files, diagnostics, content_hash, missing)

    def links_stand(self) -> bool:
        """Whether every link still leads where it led when it was followed."""
        return all(os.path.realpath(link) == target for link, target in self._links.items())

    def _read_config(self) -> SourceFile | None:
        if self._config is None:
            return None
        path = self._root / self._config.name
        if self._named is not None and not os.path.lexists(path):
            self._refuse(
                path.name, "E124", f"there is no project file {self._named}",
                "name one that exists, or leave the option out",
            )  # fmt: skip
            return None
        may_lead_out = self._named is not None
        return self._read_file(path.name, self._real(path.name), may_lead_out=may_lead_out)

    def _read_files(self, paths: Sequence[str]) -> Iterator[SourceFile]:
        seen = set()
        if self._config is not None:
            seen.add(self._real(self._config.name))
        for path in paths:
            real = self._real(path)
            if real in seen:
                continue
            seen.add(real)
            file = self._read_file(path, real)
            if file is None:
                continue
            self._bytes_read += len(file.content)
            if self._bytes_read > LARGEST_TREE_BYTES:
                self._refuse(
                    path, "E123", f"the files are over {LARGEST_TREE_BYTES >> 20} MB in all",
                    "narrow 'include', or split the project",
                )  # fmt: skip
                return
            yield file

    def _matching(self, patterns: Sequence[str]) -> list[str]:
        """Relative paths of the entries that match, sorted, each once."""
        found: set[str] = set()
        seen: set[tuple[str, tuple[str, ...]]] = set()
        waiting = [("", parts_of(pattern)) for pattern in patterns]
        while waiting:
            folder, parts = waiting.pop()
            # By the real folder, so that a link to a folder above ends here.
            place = (os.path.realpath(self._root / folder), parts)
            if place in seen:
                continue
            seen.add(place)
            if parts[0] == ANY_FOLDERS:
                waiting.append((folder, parts[1:]))
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                further = step(entry.name, parts)
                if further is None:
                    continue
                if further and self._is_folder(entry, path):
                    waiting.append((path, further))
                elif not further and not (_is_folder_anyhow(entry) and _may_be_folder(entry.name)):
                    found.add(path)
        return sorted(found)

    def _only_paths(self) -> list[str]:
        """The files of `only`, and the YAML files below its folders; inside the root by their
        relative paths, as ever.
        """
        found: set[str] = set()
        for path in self._only:
            real = Path(os.path.realpath(path))
            below = [real]
            if real.is_dir():
                below = [file for file in real.rglob("*") if file.suffix in _YAML_SUFFIXES]
            found.update(
                str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)
                for file in below
            )
        return sorted(found)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._refuse(folder or ".", "E120", f"the folder cannot be listed: {_why(error)}")
            return []

    def _is_folder(self, entry: os.DirEntry[str], path: str) -> bool:
        """Whether to look into it: a link that leads out of the project is refused."""
        return _is_folder_anyhow(entry) and (not entry.is_symlink() or self._leads_inside(path))

    def _leads_inside(self, path: str) -> bool:
        link = str(self._root / path)
        target = self._links[link] = os.path.realpath(link)
        if Path(target).is_relative_to(self._root):
            return True
        self._refuse(
            path, "E121", f"the link leads out of the project, to {target}",
            "copy it into the project, or start jobrunner in a folder above both",
        )  # fmt: skip
        return False

    def _real(self, path: str) -> str:
        """Where a file lies when each link is followed: those of its folder once for all files in it."""
        folder, name = os.path.split(os.path.join(self._root, path))  # noqa: PTH118  a thousand files
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        real = f"{self._real_folders[folder].rstrip('/')}/{name}"
        return os.path.realpath(real) if os.path.islink(real) else real  # noqa: PTH114

    def _read_file(self, path: str, real: str, *, may_lead_out: bool = False) -> SourceFile | None:
        """`real` is where it lies when each link is followed."""
        whole = os.path.join(self._root, path)  # noqa: PTH118  a thousand files
        if not _is_printable(path):
            self._refuse(_printable(path), "E121", "the file's name cannot be shown", "rename it")
            return None
        if real != whole and not may_lead_out and not self._leads_inside(path):
            return None
        try:
            content = self._read_bytes(path, whole)
        except FileNotFoundError:
            self._refuse(
                path, "E120", _why_missing(Path(whole)), "save it again, or remove the link"
            )
            return None
        except OSError as error:
            self._refuse(path, "E120", f"the file cannot be read: {_why(error)}")
            return None
        return None if content is None else SourceFile(path, content, self._sensitive)

    def _read_bytes(self, path: str, whole: str) -> bytes | None:
        # Looked at before it is opened: to open a device can already do something.
        if not self._is_plain(path, os.stat(whole).st_mode):  # noqa: PTH116
            return None
        descriptor = os.open(whole, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not self._is_plain(path, status.st_mode):
                return None
            content = _read_up_to(descriptor, LARGEST_FILE_BYTES + 1, expected=status.st_size)
        finally:
            os.close(descriptor)
        if len(content) > LARGEST_FILE_BYTES:
            self._refuse(
                path, "E122", f"the file is over {LARGEST_FILE_BYTES >> 20} MB",
                "split it into several files",
            )  # fmt: skip
            return None
        return content

    def _is_plain(self, path: str, mode: int) -> bool:
        if stat.S_ISREG(mode):
            return True
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "no plain file")
        self._refuse(
            path, "E121", f"{path} is {kind}, not a plain file", "name or move it otherwise"
        )
        return False

    def _refuse(self, path: str, code: str, message: str, advice: str = "") -> None:
        self._report.error(Source(path, ""), 1, 1, code, message, help=advice)


def _read_up_to(descriptor: int, most: int, *, expected: int) -> bytes:
    """A buffer for the largest file would cost each small one several times what reading it does."""
    content = os.read(descriptor, min(expected + 1, most))
    while len(content) < most and (
        more := os.read(descriptor, min(most - len(content), _CHUNK_BYTES))
    ):
        content += more  # it has grown meanwhile
    return content


def _find_upwards(working_directory: Path) -> Path | None:
    start = Path(os.path.abspath(working_directory))  # noqa: PTH100  keeps a linked folder's own parents
    for folder in (start, *start.parents):
        candidate = folder / PROJECT_FILE
        if os.path.lexists(candidate):
            return candidate
    return None


def _stays_inside(pattern: str) -> bool:
    """The other patterns are reported by the reader of the project file."""
    return bool(pattern) and not pattern.startswith("/") and ".." not in pattern.split("/")


def _is_folder_anyhow(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _may_be_folder(name: str) -> bool:
    """A folder that is named like a job file stands where its jobs stood: it is refused, not skipped."""
    return not name.endswith(_YAML_SUFFIXES)


def _fixed_folder(pattern: str) -> str:
    """`jobs.d` of `jobs.d/**/*.yaml`; `.` when the pattern starts with a wildcard."""
    fixed = []
    for part in PurePosixPath(pattern).parts[:-1]:
        if set(part) & set("*?["):
            break
        fixed.append(part)
    return "/".join(fixed) or "."


def _is_printable(path: str) -> bool:
    """No control characters, and no bytes that are not UTF-8 (Python keeps those as surrogates)."""
    return path.isprintable()


def _printable(path: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in path)


def _why_missing(path: Path) -> str:
    try:
        return f"the link leads to {path.readlink()}, which does not exist"
    except OSError:
        return "the file has gone while the files were read"


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _hash(
    config: SourceFile | None,
    files: Sequence[SourceFile],
    diagnostics: Sequence[Diagnostic],
    missing: Sequence[str],
) -> str:
    digest = hashlib.sha256()
    for file in (*([config] if config else []), *files):
        digest.update(f"{file.path}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    for diagnostic in diagnostics:
        digest.update(
            f"{diagnostic.location.file}\0{diagnostic.code}\0{diagnostic.message}".encode()
        )
    digest.update("\0".join(missing).encode())
    return digest.hexdigest()
