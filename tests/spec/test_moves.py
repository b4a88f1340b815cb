"""`moved`: which of its entries are made, and which mistakes are told."""

import pytest

from tests.spec.reading import mistakes, parse

JOB = "namespace: billing\njobs: {close-books: {task: m.f}}\n"


def test_moves_of_all_files_are_read_with_their_places() -> None:
    parsed = parse(
        f"{JOB}moved:\n  - {{from: billing/closing, to: billing/close-books}}\n",
        project="moved: [{from: old/closing, to: billing/closing}]",
    )
    assert parsed.diagnostics == ()
    assert [
        (move.old, move.new, move.location.file, move.location.line) for move in parsed.moves
    ] == [
        ("old/closing", "billing/closing", "jobrunner.yaml", 1),
        ("billing/closing", "billing/close-books", "0.yaml", 4),
    ]


def test_a_move_may_lead_to_a_job_of_a_matrix() -> None:
    text = "jobs: {sync: {task: m.f, matrix: {region: [eu, us]}}}\nmoved: [{from: a/b, to: default/sync-eu}]"
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("moved", "code"),
    [
        ("{from: a/b, to: billing/close-books}", "E203"),
        ("[billing/close-books]", "E203"),
        ("[{from: a/b}]", "E205"),
        ("[{from: a/b, into: billing/close-books}]", "E201"),
        ("[{from: closing, to: billing/close-books}]", "E206"),
        ("[{from: 'a/b#default', to: billing/close-books}]", "E206"),
        ("[{from: 3, to: billing/close-books}]", "E203"),
        ("[{from: a/b, to: a/b}]", "E402"),
        ("[{from: a/b, to: billing/other}]", "E402"),
        ("[{from: billing/close-books, to: c/d}]", "E402"),
        ("[{from: a/b, to: billing/close-books}, {from: a/c, to: billing/close-books}]", "E402"),
        ("[{from: a/b, to: a/c}, {from: a/c, to: a/d}, {from: a/d, to: a/b}]", "E402"),
        ("[{from: '${X}/b', to: billing/close-books}]", "E232"),
    ],
)
def test_each_mistake_of_a_move_is_one_diagnostic(moved: str, code: str) -> None:
    assert [found.code for found in parse(f"{JOB}moved: {moved}").diagnostics] == [code]


def test_a_name_without_its_namespace_is_mended_with_that_of_the_file() -> None:
    (found,) = parse(f"{JOB}moved: [{{from: closing, to: billing/close-books}}]").diagnostics
    assert found.help == "write billing/closing"


def test_an_address_that_is_not_defined_names_the_one_that_is_alike() -> None:
    (found,) = parse(f"{JOB}moved: [{{from: a/b, to: billing/close-boks}}]").diagnostics
    assert found.help == "did you mean 'billing/close-books'?"


def test_the_second_of_two_moves_from_one_address_names_the_first() -> None:
    text = f"{JOB}moved:\n  - {{from: a/b, to: billing/close-books}}\n  - {{from: a/b, to: a/c}}"
    found = parse(text).diagnostics[0]
    assert (found.location.line, found.notes) == (5, ("first at 0.yaml:4:12",))


def test_where_a_job_could_not_be_read_no_move_is_said_to_lead_nowhere() -> None:
    text = "jobs: {a: {task: m.f, matrix: 3}}\nmoved: [{from: x/y, to: default/a-eu}]"
    assert [found.code for found in parse(text).diagnostics] == ["E236"]


def test_moves_in_a_circle_are_told_once_where_the_circle_closes() -> None:
    moved = "  - {from: a/a, to: a/b}\n  - {from: a/b, to: a/c}\n  - {from: a/c, to: a/a}\n"
    text = f"{JOB}moved:\n{moved}"
    (found,) = parse(text).diagnostics
    assert (found.code, found.location.line) == ("E402", 6)
    assert found.message == "the moves from 'a/c' lead back to it"


def test_a_long_chain_is_followed_in_bounded_time_in_any_order() -> None:
    chain = [f"  - {{from: a/{number}, to: a/{number + 1}}}\n" for number in range(20_000)]
    last = "jobs: {'20000': {task: m.f}}\n"
    text = f"namespace: a\n{last}moved:\n{''.join(reversed(chain))}"
    assert len(parse(text).moves) == len(chain)


def test_a_job_that_is_still_defined_has_not_moved() -> None:
    text = (
        "jobs: {old: {task: m.f}, new: {task: m.f}}\nmoved: [{from: default/old, to: default/new}]"
    )
    (found,) = parse(text).diagnostics
    assert (found.location.column, found.help) == (16, "remove that job, or this move")
