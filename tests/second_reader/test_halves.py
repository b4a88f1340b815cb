"""A file that is read as two says what it says as one."""

from collections.abc import Sequence

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from jobrunner.spec.halves import halves
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import Given
from jobrunner.spec.readings import FileReading, Readings
from jobrunner.spec.yaml import SourceFile

JOBS = (
    "  {name}: {{task: shop.sell}}\n",
    "  {name}:\n    task: shop.sell\n    schedule: {{every: 5m}}\n",
    "  # {name}\n\n  {name}:  # sells\r\n    task: shop.sell\r\n",
    '  "{name}":\n    task: shop.sell\n    description: "of two lines\n  {name}: within quotes"\n',
    "  {name}:\n    task: shop.sell\n    description: |\n      {name}:\n        task: in a block\n",
    "  {name}:\n    task: shop.sell\n    args: [1,\n  2, {{a: b,\n  {name}: c}}]\n",
    "  {name}:\n    task: shop.sell\n    description: plain\n     text: of two lines\n",
    "  {name}:\n    tsk: shop.sell\n",
    "  {name}: &all {{task: shop.sell}}\n",
    "  {name}: *all\n",
    "  {name}:\n    task: shop.sell\n    extends: slow\n",
    "  ? {name}\n  : task: shop.sell\n",
    "  twice: {{task: shop.sell}}\n",
    "  {name}: |\n   {name}: no mapping\n",
    "  {name}:\n    task: 'shop.sell\n",
)
HEADS = (
    "version: 1\nnamespace: shop\ntemplates: {slow: {queue: slow}}\njobs:\n",
    "# jobs of the shop\nx-note: none\njobs:  # all of them\n\n",
    "jobs:\n",
)


class Halving(Readings):
    """Divides each file near a byte of it, and reads the second part by itself."""

    def __init__(self, near: int) -> None:
        super().__init__()
        self._near = near
        self._second: SourceFile | None = None
        self.times_read = 0
        """The second part."""

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        super().begin(config, given, files)
        (file,) = files
        both = halves(file, near=self._near)
        self._second = both and both[1]
        return both or files

    def find(self, file: SourceFile) -> FileReading | None:
        if file is not self._second:
            return None
        self.times_read += 1
        readings = Readings()
        parse_project(None, [file], is_whole=False, readings=readings)
        return readings.find(file)


def told(file: SourceFile, readings: Readings | None = None) -> object:
    parsed = parse_project(None, [file], readings=readings)
    places = [(job.location, job.field_lines, job.field_files) for job in parsed.jobs]
    calls = [(call.task.value, call.task.line) for call in parsed.calls]
    return parsed.project, parsed.jobs, places, parsed.moves, parsed.diagnostics, calls


@st.composite
def files(draw: st.DrawFn) -> SourceFile:
    bodies = draw(st.lists(st.sampled_from(JOBS), min_size=1, max_size=12))
    jobs = "".join(body.format(name=f"job-{n}") for n, body in enumerate(bodies))
    text = draw(st.sampled_from(HEADS)) + jobs
    return SourceFile("jobs.d/shop.yaml", text.encode())


@given_by(file=files(), near=st.integers(0, 900))
def test_two_halves_say_what_the_whole_file_says(file: SourceFile, near: int) -> None:
    assert told(file, Halving(near)) == told(file)


def test_behind_a_mistake_in_the_first_part_the_second_is_not_waited_for() -> None:
    halving = Halving(near=20)
    file = file_of("jobs:\n  one: {tsk: a.b}\n  two: {task: a.b}\n  three: {task: a.b}\n")
    assert told(file, halving) == told(file)
    assert halving.times_read == 0


def test_a_mistake_in_the_second_part_is_told_by_the_whole_file_alone() -> None:
    halving = Halving(near=20)
    file = file_of("jobs:\n  one: {task: a.b}\n  two: {task: a.b}\n  three: {tsk: a.b}\n")
    assert told(file, halving) == told(file)
    assert halving.times_read == 1


def file_of(text: str) -> SourceFile:
    return SourceFile("jobs.d/shop.yaml", text.encode())


ONE = "  one: {task: a.b}\n"
TWO = "  two: {task: a.b}\n"


def test_each_half_has_its_jobs_at_their_lines() -> None:
    both = halves(file_of("version: 1\njobs:\n\n" + ONE + TWO), near=20)
    assert both is not None
    assert [half.content.decode() for half in both] == [
        "version: 1\njobs:\n\n" + ONE,
        "version: 1\njobs:\n\n\n" + TWO,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "jobs:\n" + ONE,
        "jobs: {}\n",
        "jobs: &all\n" + ONE + TWO,
        "jobs:\n" + ONE + TWO + "moved: []\n",
        "moved: []\njobs:\n" + ONE + TWO,
        "---\njobs:\n" + ONE + TWO,
        "jobs:\n" + ONE + TWO + "---\njobs:\n" + ONE + TWO,
        "jobs:\n" + ONE + "# \u2028\n" + TWO,
        "jobs:\n" + ONE + "  m: {task: a.b, matrix: {a: [1]}}\n" + TWO,
        "",
    ],
)
def test_a_file_of_which_it_is_not_certain_stays_whole(text: str) -> None:
    assert halves(file_of(text), near=0) is None
