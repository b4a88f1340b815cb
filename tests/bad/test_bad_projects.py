"""Each folder here is a project with one kind of mistake, and what is said of it.

`files/` is the project; `setup.sh`, where it stands, makes in the project what git cannot hold.
`expected.txt` is read by people, too: it is the standard that a new message is held to.
"""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobrunner.check_tasks import check_tasks
from jobrunner.files import read_project
from jobrunner.plan.lint import lint_jobs
from jobrunner.spec.codes.table import CODES
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import Given
from jobrunner.spec.source_lines import with_source_lines

FOLDER = Path(__file__).parent
SOURCE = FOLDER.parents[1] / "jobrunner"
REGISTRY = SOURCE / "spec" / "codes"
CODE = re.compile(r'"([EW][0-9]{3})"')
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SERVED_QUEUES = ("default", "reports")
PROJECTS = sorted(path.parent for path in FOLDER.glob("*/expected.txt"))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_bad_project_gets_exactly_these_diagnostics(project: Path, tmp_path: Path) -> None:
    assert draw(diagnose(project, tmp_path)) == (project / "expected.txt").read_text("utf-8")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_bad_project_shows_the_code_it_is_named_after(project: Path, tmp_path: Path) -> None:
    code = project.name.partition("-")[0]
    assert code in {diagnostic.code for diagnostic in diagnose(project, tmp_path)}


def test_every_code_has_a_bad_project() -> None:
    assert {path.name.partition("-")[0] for path in PROJECTS} == set(CODES)


def test_every_code_that_the_source_names_is_in_the_registry_and_no_other() -> None:
    texts = [path.read_text("utf-8") for path in SOURCE.rglob("*.py") if path.parent != REGISTRY]
    assert {code for text in texts for code in CODE.findall(text)} == set(CODES)


def diagnose(project: Path, folder: Path) -> tuple[Diagnostic, ...]:
    root = folder / "project"
    shutil.copytree(project / "files", root, symlinks=True)
    if (project / "setup.sh").exists():
        subprocess.run(["sh", str(project / "setup.sh")], cwd=root, check=True)
    files = read_project(config=_config(root), working_directory=root)
    parsed = parse_project(files.config, files.files, given=Given(_environment(project)))
    is_warned = project.name.startswith("W301")  # elsewhere the modules are not made up
    found = files.diagnostics + check_tasks(
        files, parsed, mode="static", names_missing_modules=is_warned
    )
    is_linted = project.name.startswith(("W20", "W21"))  # elsewhere the jobs are cut short
    lints = lint_jobs(parsed.jobs if is_linted else (), now=NOW, served_queues=SERVED_QUEUES)
    return found + with_source_lines(lints, files.sources)


def draw(diagnostics: tuple[Diagnostic, ...]) -> str:
    return "\n".join(_draw_one(diagnostic) for diagnostic in diagnostics)


def _config(root: Path) -> Path | None:
    """A project may name its file: `config.txt` holds the name."""
    named = root / "config.txt"
    return Path(named.read_text("utf-8").strip()) if named.exists() else None


def _environment(project: Path) -> str:
    """What is chosen by `-e`: `environment.txt` holds its name."""
    named = project / "environment.txt"
    return named.read_text("utf-8").strip() if named.exists() else ""


def _draw_one(found: Diagnostic) -> str:
    place = f"{found.location.file}:{found.location.line}:{found.location.column}"
    lines = [f"{found.severity}[{found.code}]: {found.message}", f"  --> {place}"]
    if found.source_line:
        caret = " " * (found.location.column - 1) + "^" * found.width
        lines += [f"  | {found.source_line}", f"  | {caret} {found.help}".rstrip()]
    elif found.help:
        lines.append(f"  = {found.help}")
    lines += [f"  = {note}" for note in found.notes]
    return "\n".join(lines) + "\n"
