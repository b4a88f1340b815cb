"""Files that are read again and again: what has not changed is not read, and nothing is told otherwise."""

from jobrunner.spec.parse import ParsedProject, parse_project
from jobrunner.spec.project import NOTHING_GIVEN, Given
from jobrunner.spec.readings import Readings
from jobrunner.spec.yaml import SourceFile

_ONE = SourceFile("a.yaml", b"jobs: {one: {task: m.f, matrix: {x: [1, 2]}, args: ['${matrix.x}']}}")
_TWO = SourceFile(
    "b.yaml",
    b"jobs: {two: {task: m.g}}\nmoved: [{from: default/old, to: default/two}]",
)
_CONFIG = SourceFile("jobrunner.yaml", b"defaults: {queue: slow}")


def _read_again(
    readings: Readings, *files: SourceFile, given: Given = NOTHING_GIVEN
) -> ParsedProject:
    """As it is read with what is remembered, which has to be as if nothing were."""
    again = parse_project(_CONFIG, files, given=given, readings=readings)
    assert _told(again) == _told(parse_project(_CONFIG, files, given=given))
    return again


def _told(parsed: ParsedProject) -> object:
    calls = [(call.path, call.args, call.kwargs, call.task.line) for call in parsed.calls]
    return parsed.jobs, parsed.moves, parsed.diagnostics, calls


def test_a_file_that_has_not_changed_gives_the_very_same_jobs() -> None:
    readings = Readings()
    first = _read_again(readings, _ONE, _TWO)
    changed = SourceFile("b.yaml", b"jobs: {two: {task: m.h}}")
    second = _read_again(readings, _ONE, changed)
    assert [job.address for job in second.jobs] == [job.address for job in first.jobs]
    assert second.jobs[0] is first.jobs[0]
    assert second.jobs[2].spec.task == "m.h"


def test_another_project_file_gives_other_jobs() -> None:
    readings = Readings()
    _read_again(readings, _ONE)
    other = SourceFile("jobrunner.yaml", b"defaults: {queue: fast}")
    assert parse_project(other, [_ONE], readings=readings).jobs[0].spec.queue == "fast"


def test_other_variables_give_other_jobs() -> None:
    readings = Readings()
    file = SourceFile("a.yaml", b"jobs: {one: {task: m.f, owner: '${WHO}'}}")
    _read_again(readings, file, given=Given(variables={"WHO": "ann"}))
    parsed = _read_again(readings, file, given=Given(variables={"WHO": "ben"}))
    assert parsed.jobs[0].spec.owner == "ben"


def test_a_job_that_another_file_has_taken_meanwhile_is_told_of() -> None:
    readings = Readings()
    _read_again(readings, _ONE, _TWO)
    taken = SourceFile("a.yaml", b"jobs: {two: {task: m.f}}")
    assert [d.code for d in _read_again(readings, taken, _TWO).diagnostics] == ["E401"]


def test_a_file_with_a_mistake_is_told_of_each_time() -> None:
    readings = Readings()
    bad = SourceFile("b.yaml", b"jobs: {two: {task: m.g, nonsense: 1}}")
    assert [d.code for d in _read_again(readings, _ONE, bad).diagnostics] == ["E201"]
    assert [d.code for d in _read_again(readings, _ONE, bad).diagnostics] == ["E201"]


def test_a_file_that_comes_back_is_read() -> None:
    readings = Readings()
    _read_again(readings, _ONE, _TWO)
    _read_again(readings, _ONE)
    assert len(_read_again(readings, _ONE, _TWO).jobs) == 3


def test_a_file_whose_mistake_is_told_at_another_one_is_read_again() -> None:
    readings = Readings()
    first, second = (
        SourceFile(path, b"jobs: {%s: {command: [make]}}" % path[:1].encode())
        for path in ("a.yaml", "b.yaml")
    )
    _read_again(readings, first, second)
    mended = SourceFile("a.yaml", b"jobs: {a: {task: m.f}}")
    assert [d.code for d in _read_again(readings, mended, second).diagnostics] == ["E302"]
