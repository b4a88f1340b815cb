"""The codes: each example is what it says it is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobrunner.check_tasks import check_tasks
from jobrunner.files import read_project
from jobrunner.plan.lint import lint_jobs
from jobrunner.spec.codes.code import Code
from jobrunner.spec.codes.table import CODES
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import Given

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHOWN = [name for name, code in CODES.items() if code.bad]
WITHOUT_AN_EXAMPLE = [
    # Bytes, file systems and sizes that no short text shows.
    "E101", "E120", "E121", "E122", "E123", "E124", "E130", "E214",
    # Two files, an option of the command line, a module that is broken, hundreds of jobs, workers.
    "E233", "E237", "E305", "W206", "W208", "W210",
]  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_the_bad_example_gives_its_code_and_no_other(name: str, tmp_path: Path) -> None:
    assert diagnose(CODES[name], CODES[name].bad, "", tmp_path) == [name]


@pytest.mark.parametrize("name", SHOWN)
def test_the_mended_example_gives_none(name: str, tmp_path: Path) -> None:
    code = CODES[name]
    assert diagnose(code, code.good, code.environment, tmp_path) == []


def test_only_what_no_short_text_shows_is_without_an_example() -> None:
    assert [name for name in CODES if name not in SHOWN] == WITHOUT_AN_EXAMPLE


def test_every_code_is_explained_in_words() -> None:
    assert [name for name, code in CODES.items() if not (code.title and code.text)] == []


def diagnose(code: Code, text: str, environment: str, root: Path) -> list[str]:
    (root / "acme").mkdir()
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "reports.yaml").write_text("")
    (root / ("jobrunner.yaml" if code.is_project else "jobs.d/reports.yaml")).write_text(text)
    (root / "acme" / "tasks.py").write_text(code.python)
    read = read_project(config=None, working_directory=root)
    parsed = parse_project(read.config, read.files, given=Given(environment))
    found = check_tasks(
        read, parsed, mode="static" if code.python else "off", names_missing_modules=True
    )
    lints = lint_jobs(parsed.jobs, now=NOW)
    return [one.code for one in (*read.diagnostics, *found, *lints)]
