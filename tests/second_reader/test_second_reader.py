"""Two processes that read a project tell what one tells, and one is enough when the other fails."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobrunner import second_reader
from jobrunner.check_tasks import check_tasks
from jobrunner.files import ProjectFiles, read_project
from jobrunner.second_reader import reading_beside
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.parse import ParsedProject, PartialReader, parse_project
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.readings import FileReading, KnownReadings
from jobrunner.spec.yaml import SourceFile
from tests.processors import pretend_two_processors

CONFIG = """\
version: 1
project: acme
defaults: {retry: {max_retries: "${RETRIES}"}}
templates: {slow: {queue: slow, timeout: 2h}}
"""
HEAD = "version: 1\nnamespace: shop\njobs:\n"
SOUND = "  %s:\n    task: shop.sell\n    args: [1]\n    extends: slow\n    schedule: {every: 5m}\n"
MISTAKEN = {
    "c.yaml": "  sold-twice: {task: shop.sell, args: [1]}\n  make: {command: [make]}\n",
    "w.yaml": "  sold-twice: {task: shop.sell, args: [1]}\n  wrong: {task: shop.sell, arg: [1]}\n",
    "x.yaml": "  misfit: {task: shop.sell, kwargs: {price: 1}}\n  gone: {task: nowhere.f}\n",
    "y.yaml": "  make-more: {command: [make]}\n  secret: {task: shop.sell, args: [1], sensitive: [a]}\n"
    "moved: [{from: old, to: shop/make-more}]\n",
}
GIVEN = Given(variables={"RETRIES": "3"})


@pytest.fixture(autouse=True)
def two_processors_and_a_large_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_reader, "SMALLEST_PROJECT_BYTES", 1)
    monkeypatch.setattr(second_reader, "_LEAST_PART_BYTES", 1)
    pretend_two_processors(monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFiles:
    """Twenty-four sound files and four with mistakes, one of them in the first half."""
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    (tmp_path / "jobrunner.yaml").write_text(CONFIG)
    (tmp_path / "shop.py").write_text("def sell(amount: int) -> None: ...\n")
    for letter in "abdefghijklmnopqrstuvz":
        (folder / f"{letter}.yaml").write_text(HEAD + SOUND % letter)
    (folder / "zz.yaml").write_text(
        HEAD + SOUND % "zz" + "moved: [{from: shop/old, to: shop/zz}]\n"
    )
    for name, jobs in MISTAKEN.items():
        (folder / name).write_text(HEAD + jobs)
    return read_project(config=None, working_directory=tmp_path)


def understood(
    read: ProjectFiles, mode: TaskCheck, readings: KnownReadings | None = None
) -> tuple[ParsedProject, tuple[Diagnostic, ...]]:
    parsed = parse_project(read.config, read.files, given=GIVEN, readings=readings)
    return parsed, check_tasks(read, parsed, mode=mode, names_missing_modules=True)


def told(understood: tuple[ParsedProject, tuple[Diagnostic, ...]]) -> object:
    parsed, diagnostics = understood
    places = [(job.address, job.location, job.field_lines, job.field_files) for job in parsed.jobs]
    return parsed.project, parsed.jobs, places, parsed.moves, diagnostics


@pytest.mark.parametrize("mode", ["static", "import", "off"])
def test_two_readers_tell_what_one_tells(project: ProjectFiles, mode: TaskCheck) -> None:
    alone = understood(project, mode)
    with reading_beside(project, GIVEN, mode=mode) as readings:
        together = understood(project, mode, readings)
    assert {one.code for one in alone[1]} > {"E201", "E302", "E401"}
    assert told(together) == told(alone)


class HeldReader(PartialReader):
    """The second process: tells that it has a part, and waits before it reads this first one."""

    told, released = os.pipe(), os.pipe()
    is_held = True

    def read(self, files: Sequence[SourceFile]) -> list[FileReading | None]:
        if self.is_held:
            os.write(self.told[1], b"x")
            os.read(self.released[0], 1)
            self.is_held = False
        return super().read(files)

    @classmethod
    def wait_and_release(cls) -> None:
        os.read(cls.told[0], 1)
        os.write(cls.released[1], b"x")


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> type[HeldReader]:
    monkeypatch.setattr(second_reader, "PartialReader", HeldReader)
    return HeldReader


def test_the_last_files_are_not_read_again(project: ProjectFiles, second: type[HeldReader]) -> None:
    with reading_beside(project, GIVEN, mode="static") as readings:
        assert readings is not None
        files = readings.begin(project.config, GIVEN, project.files)
        assert {file.path for file in files} == {file.path for file in project.files}
        found = {files[0].path: readings.find(files[0])}
        second.wait_and_release()
        found |= {file.path: readings.find(file) for file in files[1:]}
    assert found["jobs.d/a.yaml"] is None  # the first process has it
    assert found["jobs.d/y.yaml"] is None  # has a mistake
    last = found["jobs.d/zz.yaml"]
    assert last is not None
    assert [job.address for job in last.jobs] == ["shop/zz"]
    assert last.calls == ()  # they fit, and are not to be looked at again


@pytest.mark.parametrize("last", ["", "  wrong: {task: shop.sell, arg: [1]}\n"])
def test_a_file_as_large_as_the_project_is_read_by_both(
    tmp_path: Path, last: str, second: type[HeldReader]
) -> None:
    (tmp_path / "shop.py").write_text("def sell(amount: int) -> None: ...\n")
    (tmp_path / "jobrunner.yaml").write_text(CONFIG)
    (tmp_path / "jobs.d").mkdir()
    jobs = "".join(SOUND % f"job-{number}" for number in range(50))
    (tmp_path / "jobs.d" / "all.yaml").write_text(HEAD + jobs + last)
    project = read_project(config=None, working_directory=tmp_path)

    with reading_beside(project, GIVEN, mode="static") as readings:
        assert readings is not None
        pieces = readings.begin(project.config, GIVEN, project.files)
        second.wait_and_release()
        together = understood(project, "static", readings)
        found = readings.find(pieces[-1])

    assert len(pieces) > 2
    assert (found is None) == bool(last)
    assert told(together) == told(understood(project, "static"))


def test_a_second_reader_that_breaks_down_leaves_everything_to_the_first(
    project: ProjectFiles, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    alone = understood(project, "static")
    monkeypatch.delattr(second_reader, "doubter")
    with reading_beside(project, GIVEN, mode="static") as readings:
        assert told(understood(project, "static", readings)) == told(alone)
    assert capfd.readouterr() == ("", "")


def test_a_small_project_is_read_by_one(
    project: ProjectFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_reader, "SMALLEST_PROJECT_BYTES", 1 << 19)
    with reading_beside(project, GIVEN, mode="static") as readings:
        assert readings is None


def test_a_process_that_may_not_be_copied_reads_alone(
    project: ProjectFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    with reading_beside(project, GIVEN, mode="static") as readings:
        assert readings is None
