"""A file that is read in pieces says what it says as one."""

from collections.abc import Sequence

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from jobrunner.spec import report
from jobrunner.spec.parse import PartialReader, parse_project, paths_in_pieces
from jobrunner.spec.pieces import pieces
from jobrunner.spec.project import NOTHING_GIVEN, Given
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
    "  ~\n",
    "  {{{name}: {{task: shop.sell}}}}\n",
    "  <<: {{{name}: {{task: shop.sell}}}}\n",
    '  {name}:\n    task: shop.sell\n    description: quote"\n   "\n',
    "  {name}: {{task: shop.sell, owner: '${{NOBODY}}'}}\n",
)
HEADS = (
    "version: 1\nnamespace: shop\ntemplates: {slow: {queue: slow}}\njobs:\n",
    "# jobs of the shop\nx-note: none\njobs:  # all of them\n\n",
    "jobs:\n",
    'x-note: "text\njobs:\n',
    "x-note: [text,\njobs:\n",
    "version: 1\ntemplates: {slow: {queue: slow}}\njobs:\n  ~\n",
)


class InPieces(Readings):
    """Divides a file into pieces, of which somebody else reads every second one, from the last one on."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._of_the_other: dict[SourceFile, FileReading | None] = {}
        self.pieces_read = 0
        """By somebody else."""

    def begin(
        self, config: SourceFile | None, given: Given, files: Sequence[SourceFile]
    ) -> Sequence[SourceFile]:
        super().begin(config, given, files)
        (file,) = files
        all_pieces = pieces(file, size=self._size)
        other = PartialReader(config, NOTHING_GIVEN, in_pieces=paths_in_pieces(all_pieces))
        for piece in all_pieces[:0:-2]:
            (self._of_the_other[piece],) = other.read([piece])
        return all_pieces

    def find(self, file: SourceFile) -> FileReading | None:
        self.pieces_read += file in self._of_the_other
        return self._of_the_other.get(file)


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


@given_by(file=files(), size=st.integers(1, 300))
def test_pieces_say_what_the_whole_file_says(file: SourceFile, size: int) -> None:
    assert told(file, InPieces(size)) == told(file)


def test_behind_a_mistake_in_an_earlier_piece_no_other_is_waited_for() -> None:
    in_pieces = InPieces(size=56)
    file = file_of("jobs:\n  one: {tsk: a.b}\n" + many_jobs())
    assert told(file, in_pieces) == told(file)
    assert in_pieces.pieces_read == 0


def test_a_mistake_in_another_piece_is_told_by_the_whole_file_alone() -> None:
    in_pieces = InPieces(size=56)
    file = file_of("jobs:\n" + many_jobs() + "  last: {tsk: a.b}\n")
    assert told(file, in_pieces) == told(file)
    assert in_pieces.pieces_read > 1


def test_a_cut_is_before_a_job() -> None:
    file = file_of("jobs:\n" + many_jobs() + "  ~\n")
    assert told(file, InPieces(size=1)) == told(file)
    for size in range(1, 200):  # the last line is never a piece by itself
        assert b"task" in pieces(file, size=size)[-1].content


def test_a_warning_of_two_pieces_is_told_as_of_one_file() -> None:
    config = SourceFile("jobrunner.yaml", b"queues: {default: {}}\n")
    first, last = (f"  {name}: {{task: a.b, queue: lst}}\n" for name in ("first", "last"))
    file, in_pieces = file_of("jobs:\n" + first + many_jobs() + last), InPieces(size=1)
    alone = parse_project(config, [file])
    together = parse_project(config, [file], readings=in_pieces)
    assert [(one.code, one.notes) for one in alone.diagnostics] == [
        ("W251", ("1 more: jobs.d/shop.yaml:23",))
    ]
    assert (together.diagnostics, together.jobs) == (alone.diagnostics, alone.jobs)
    assert in_pieces.pieces_read == len(pieces(file, size=1)) // 2  # each once: none was read anew


def test_all_pieces_together_repeat_no_more_than_the_whole_file_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "MOST_REPEATED", 30)
    file = file_of("defaults: {kwargs: {a: 1, b: 2}}\njobs:\n" + many_jobs())
    alone = parse_project(None, [file])
    assert {one.code for one in alone.diagnostics} == {"E107"}
    assert told(file, InPieces(size=1)) == told(file)


def many_jobs() -> str:
    return "".join(f"  job-{number}: {{task: a.b}}\n" for number in range(20))


def file_of(text: str) -> SourceFile:
    return SourceFile("jobs.d/shop.yaml", text.encode())


ONE = "  one: {task: a.b}\n"
TWO = "  two: {task: a.b}\n"


def test_each_piece_has_its_jobs_at_their_lines() -> None:
    three, four = "  three: {task: a.b}\n", "  four: {task: a.b}\n"
    found = pieces(file_of("jobs:\n\n" + ONE + TWO + three + four), size=1)
    assert [piece.content.decode() for piece in found] == [
        "jobs:\n\n" + ONE + TWO + three,
        "jobs:\n\n\n\n\n" + four,
    ]


def test_a_piece_is_much_longer_than_what_it_repeats() -> None:
    head = f"defaults: {{description: {'x' * 500}}}\njobs:\n"
    found = pieces(file_of(head + many_jobs() * 50), size=1)
    assert len(found) > 2
    assert all(len(piece.content.strip()) > 8 * len(head) for piece in found[:-1])


def test_a_file_whose_jobs_may_repeat_too_much_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(f"defaults: {{description: {'x' * 500}}}\njobs:\n" + many_jobs() * 50)
    monkeypatch.setattr("jobrunner.spec.pieces.MOST_REPEATED", 50_000)
    assert pieces(file, size=1) == (file,)


@pytest.mark.parametrize(
    "text",
    [
        "jobs:\n" + ONE,
        "jobs: {}\n",
        "jobs: &all\n" + ONE + TWO * 9,
        "jobs:\n  one: &one {task: a.b}\n" + TWO * 9,
        'jobs:\n  one: {task: a.b, kwargs: {"a":&a 1}}\n' + TWO * 9,
        'jobs:\n  one: {task: a.b, "m\\x61trix": {a: [1]}}\n' + TWO * 9,
        "jobs:\n  one: {task: a.b, sensitive: [a]}\n" + TWO * 9,
        "jobs:\n  one: {task: a.b, kwargs: {url: 'https://a@b'}}\n" + TWO * 9,
        "jobs:\n  <<: {one: {task: a.b}}\n" + TWO * 9,
        "jobs:\n  ~\n" + TWO * 9,
        "jobs:\n  {one: {task: a.b}}\n" + TWO * 9,
        'x-note: "text\njobs:\n' + ONE + TWO * 9,
        "x-note: |\n  text\njobs:\n" + ONE + TWO * 9,
        "jobs:\n" + ONE + TWO * 9 + "moved: []\n",
        "moved: []\njobs:\n" + ONE + TWO * 9,
        "---\njobs:\n" + ONE + TWO * 9,
        "jobs:\n" + ONE + TWO * 9 + "---\njobs:\n" + ONE + TWO,
        "jobs:\n" + ONE + "# \u2028\n" + TWO * 9,
        "jobs:\n" + ONE + "  m: {task: a.b, matrix: {a: [1]}}\n" + TWO * 9,
        "",
    ],
)
def test_a_file_of_which_it_is_not_certain_stays_whole(text: str) -> None:
    assert pieces(file_of(text), size=1) == (file_of(text),)
