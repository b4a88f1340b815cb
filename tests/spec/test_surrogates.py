"""Characters beyond the first plane, as encoders of JSON write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.reading import mistakes, parse, read_job

FACE = "\U0001f600"


def described(text: str) -> str:
    return read_job(f"jobs: {{a: {{task: m.f, description: {text}}}}}").description


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"\ud83d\ude00"', FACE),
        (r'"a \uD83D\uDE00 b \ud83d\ude00."', f"a {FACE} b {FACE}."),
        (r'"\"\ud83d\ude00\""', f'"{FACE}"'),
        (r'"\\ud83d\ude00 \ud83d\ude00"'.replace(r"\ude00 ", " "), rf"\ud83d {FACE}"),
        (r"'\ud83d\ude00'", r"\ud83d\ude00"),
    ],
)
def test_a_pair_of_escapes_in_double_quotes_is_one_character(written: str, read: str) -> None:
    assert described(written) == read


@pytest.mark.parametrize(
    ("written", "half"),
    [
        (r'"\ud83d"', r"\ud83d"),
        (r'"\ude00\ud83d"', r"\ude00"),
        (r'"\uD83D \ude00"', r"\uD83D"),
    ],
)
def test_half_a_pair_is_no_character(written: str, half: str) -> None:
    (found,) = parse(f"a: {written}").diagnostics
    assert (found.code, found.message) == ("E103", f"{half} is half of a character")
    assert (found.location.column, found.width) == (5, 6)


def test_a_pair_beyond_those_that_are_joined_is_answered_with_the_escape_of_yaml() -> None:
    text = "".join(f'a{number}: "\\ud83d\\ude00"\n' for number in range(60))
    (found,) = parse(text).diagnostics
    assert (found.code, found.help) == ("E103", r"write \U0001F600, or the character itself")
    assert found.width == len(r"\ud83d\ude00")


def test_an_escape_beyond_unicode_is_no_character() -> None:
    assert mistakes(r'a: "\UFFFFFFFF"') == [("E103", 1, 5)]


def test_no_column_moves_behind_a_pair() -> None:
    text = r'jobs: {a: {task: m.f, description: "\ud83d\ude00", qeue: x}}'
    (found,) = parse(text).diagnostics
    assert (found.location.column, found.source_line) == (text.index("qeue") + 1, text)


def test_a_key_may_have_one() -> None:
    job = read_job(r'jobs: {a: {task: m.f, kwargs: {x: {"\ud83d\ude00": 1}}}}')
    assert job.kwargs == {"x": {FACE: 1}}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_what_an_encoder_of_json_writes_is_read_as_it_was(text: str) -> None:
    job = read_job(
        f"jobs: {{a: {{task: m.f, kwargs: {{x: {json.dumps(text)}}}}}}}".replace("$", "")
    )
    assert job.kwargs == {"x": text.replace("$", "")}


def test_a_file_that_an_encoder_of_json_wrote_may_have_any_number() -> None:
    kwargs = {"faces": [FACE, None, True, -1.5e3, {FACE: FACE}] * 200, "long": FACE * 1000}
    text = json.dumps({"jobs": {"a": {"task": "m.f", "kwargs": kwargs}}})
    assert read_job(text).kwargs == kwargs


def test_what_only_looks_like_a_text_in_double_quotes_keeps_its_escapes() -> None:
    text = 'jobs:\n  a:\n    task: m.f\n    owner: "\\ud83d\\ude00"\n    description: say "\\ud83d\\ude00"\n'
    job = read_job(text)
    assert (job.owner, job.description) == (FACE, 'say "\\ud83d\\ude00"')
