"""What holds for any text that can be formatted."""

import json
import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jobrunner.spec.formatting import format_file
from jobrunner.spec.report import Report
from jobrunner.spec.tree import plain
from jobrunner.spec.written import read_written
from jobrunner.spec.yaml import SourceFile, read_tree
from tests.fmt.writing import texts

SLOW = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)  # fmt: skip


def formatted(text: str) -> str:
    """In our form; a text with a mistake is no example."""
    made = format_file(SourceFile("a.yaml", text.encode()))
    assert made.left_because == ""
    assume(made.text is not None)
    return made.text or ""


def meaning(text: str) -> str:
    _, documents = read_tree(SourceFile("a.yaml", text.encode()), Report())
    return json.dumps([plain(document) for document in documents], sort_keys=True)


def comments(text: str) -> list[str]:
    return read_written(text.replace("\r\n", "\n")).comments


@SLOW
@given(texts())
def test_a_formatted_text_is_formatted(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once


@SLOW
@given(texts())
def test_the_values_are_the_same(text: str) -> None:
    assert meaning(formatted(text)) == meaning(text)


@SLOW
@given(texts(any_order=False))
def test_every_comment_survives_in_its_place_among_the_others(text: str) -> None:
    assert comments(formatted(text)) == comments(text)


@SLOW
@given(texts())
def test_lines_end_by_a_line_feed_and_the_text_by_a_single_one(text: str) -> None:
    made = formatted(text)
    assert "\r" not in made
    assert made == "\n" or re.fullmatch(r"(?s)[^\n].*\n", made)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_formatted_or_left_alone(content: bytes) -> None:
    made = format_file(SourceFile("a.yaml", content))
    assert made.text is not None or made.diagnostics or made.left_because
