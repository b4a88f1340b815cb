"""What the form is, rule by rule."""

import json
from textwrap import dedent
from typing import Any

import pytest
import yaml

from jobrunner.spec.formatting import format_file
from jobrunner.spec.yaml import SourceFile


def form(text: str) -> str | None:
    return format_file(SourceFile("a.yaml", dedent(text).encode())).text


def is_in_form(text: str) -> bool:
    return form(text) == dedent(text)


def test_two_spaces_a_level_and_two_for_a_list() -> None:
    given = """\
        jobs:
            report:
                tags:
                - a
                -   b
        """
    assert form(given) == "jobs:\n  report:\n    tags:\n      - a\n      - b\n"


def test_one_empty_line_between_jobs() -> None:
    given = """\
        jobs:

          first:
            task: a.b
          second:
            task: a.b



          third:
            task: a.b
        """
    assert form(given) == (
        "jobs:\n  first:\n    task: a.b\n\n  second:\n    task: a.b\n\n  third:\n    task: a.b\n"
    )


def test_jobs_of_one_line_may_stand_together() -> None:
    assert is_in_form("jobs:\n  a: {task: a.b}\n  b: {task: a.b}\n")
    assert is_in_form("jobs:\n  a: {task: a.b}\n\n  b: {task: a.b}\n")


def test_no_empty_lines_in_a_row_nor_at_the_ends() -> None:
    assert form("\n\nversion: 1\n\n\n\nnamespace: a\n\n\n") == "version: 1\n\nnamespace: a\n"


def test_what_is_in_brackets_stands_on_one_line_where_it_fits() -> None:
    assert form("a: {  b : 1,c: [ 1,2 ], }\n") == "a: {b: 1, c: [1, 2]}\n"
    assert form("a: [1,\n    2]\n") == "a: [1, 2]\n"


def test_what_is_in_brackets_and_too_long_becomes_a_block() -> None:
    word = "x" * 45
    assert is_in_form(f"a: [{word}, {word}]\n")
    assert form(f"a: [{word}, {word}, {{b: 1}}]\n") == f"a:\n  - {word}\n  - {word}\n  - {{b: 1}}\n"


def test_a_block_is_never_put_into_brackets() -> None:
    assert is_in_form("a:\n  b: 1\n")


def test_quotes_are_double() -> None:
    assert form("a: 'x: y'\n") == 'a: "x: y"\n'


def test_single_quotes_stay_where_double_ones_would_need_backslashes() -> None:
    assert is_in_form("a: 'say \"so\"'\nb: '\\d'\n")


def test_quotes_go_where_every_reader_of_yaml_reads_the_same_text() -> None:
    assert form('a: \'acme.tasks\'\n"b": "it is so"\n') == "a: acme.tasks\nb: it is so\n"


def test_quotes_stay_where_another_reader_of_yaml_would_read_no_text() -> None:
    assert is_in_form('a: ["no", "12:30", "2026-12-25", "1e3", "null", "~", "", "y"]\n')


def test_expressions_and_durations_stay_as_they_are() -> None:
    assert is_in_form('a: {cron: "30 5 * * 1-5", every: 90s, at: 2026-12-01}\n')


def test_the_keys_of_a_file_have_an_order() -> None:
    given = "# head\njobs:\n  a: {task: a.b}\nx-own: 1\nnamespace: ops\nversion: 1\n"
    assert form(given) == "# head\nversion: 1\nnamespace: ops\nx-own: 1\njobs:\n  a: {task: a.b}\n"


def test_keys_with_a_comment_among_them_keep_their_order() -> None:
    assert is_in_form("namespace: a\n# said of the version\nversion: 1\n")


def test_keys_with_an_anchor_keep_their_order() -> None:
    assert is_in_form("jobs:\n  a: &a {task: a.b}\ndefaults: *a\n")


def test_the_keys_of_a_job_keep_their_order() -> None:
    assert is_in_form("jobs:\n  a:\n    schedule: {every: 5m}\n    task: a.b\n")


def test_a_comment_above_goes_along_with_what_it_stands_above() -> None:
    given = """\
        jobs:
            # of a
            a:
                # of its task
                task: a.b
                # the end of a
            # the end of all
        """
    assert form(given) == (
        "jobs:\n  # of a\n  a:\n    # of its task\n    task: a.b\n    # the end of a\n  # the end of all\n"
    )


def test_a_comment_behind_a_list_in_the_column_of_its_key_belongs_to_what_follows() -> None:
    given = "a:\n- 1\n# of b\nb: 2\n"
    assert form(given) == "a:\n  - 1\n# of b\nb: 2\n"


def test_a_comment_beside_a_value_stays_beside_it() -> None:
    given = "a:   # of a\n    - 1 # one\n    - {b: 1}   # two\n"
    assert form(given) == "a:   # of a\n  - 1 # one\n  - {b: 1}   # two\n"


def test_comments_that_stood_in_a_column_stand_in_one() -> None:
    given = 'a:\n    one: "x"    # 1\n    three:   y  # 2\n'
    assert form(given) == "a:\n  one: x    # 1\n  three: y  # 2\n"


def test_a_comment_inside_of_brackets_makes_them_a_block() -> None:
    assert form("a: [1, # one\n    2]\n") == "a:\n  - 1 # one\n  - 2\n"


def test_a_comment_at_a_dash_stands_above_it() -> None:
    assert form("a:\n  -\n    # said\n    b: 1\n    c: 2\n") == "a:\n  # said\n  - b: 1\n    c: 2\n"


def test_a_comment_between_key_and_value_stands_above_the_key() -> None:
    assert form("a:\n    # said\n    text\n") == "# said\na: text\n"


def test_a_comment_below_a_key_without_a_value_stays_below_it() -> None:
    assert form("a:\n    # b: 1\nc: 2\n") == "a:\n  # b: 1\nc: 2\n"


def test_block_texts_keep_their_own_indentation_and_their_end() -> None:
    given = "a:\n    b: |+\n        one\n          two\n\n\n    c: >-\n       x\n\nd: 1\n"
    assert form(given) == "a:\n  b: |+\n    one\n      two\n\n\n  c: >-\n    x\n\nd: 1\n"


def test_a_block_text_that_begins_with_spaces_keeps_them() -> None:
    assert (
        form("a:\n    b: |4\n          text\n        more\n")
        == "a:\n  b: |2\n      text\n    more\n"
    )


def test_a_block_text_without_a_line_feed_at_its_end_keeps_having_none() -> None:
    assert form("a: |\n  text") == "a: |-\n  text\n"


def test_anchors_aliases_merges_and_tags_stay() -> None:
    text = """\
        a: &one
          x: 1
        b: *one
        c:
          <<: *one
          y: !!str 5
        d: &two {z: 1}
        """
    assert is_in_form(text)


def test_documents_stay_apart() -> None:
    assert (
        form("a: 1\n---\n\n# said\nb: 2\n...\n---\nc: 3\n")
        == "a: 1\n---\n# said\nb: 2\n---\nc: 3\n"
    )


@pytest.mark.parametrize(
    ("given", "formed"),
    [
        ("a: |\n    b\n... # said\n", "a: |\n  b\n# said\n"),
        ("a: |+\n    b\n\n... # said\n", "a: |+\n  b\n\n# said\n"),
        ("a: |\n  b\n... # said\n---\nc: 1\n", "a: |\n  b\n# said\n---\nc: 1\n"),
        ("a: {b: c} # one\n... # two\n", "a: {b: c} # one\n# two\n"),
    ],
)
def test_a_comment_beside_the_end_of_a_document_stands_below_it(given: str, formed: str) -> None:
    assert form(given) == formed
    assert form(formed) == formed


def test_line_endings_and_a_byte_order_mark() -> None:
    assert form("\ufeffa: 1\r\nb: 2\r\n") == "a: 1\nb: 2\n"


def test_an_empty_file_stays_empty() -> None:
    assert form("") == ""


def test_a_text_with_a_mistake_is_left_alone() -> None:
    made = format_file(SourceFile("a.yaml", b"a: 1\na: 2\n"))
    assert (made.text, [found.code for found in made.diagnostics]) == (None, ["E105"])


def test_a_text_with_a_directive_is_left_alone() -> None:
    made = format_file(SourceFile("a.yaml", b"%YAML 1.2\n---\na:   1\n"))
    assert (made.text, made.left_because) == (None, "it has a directive, a line that starts with %")


def test_a_key_that_is_an_empty_block_text_is_left_alone() -> None:
    made = format_file(SourceFile("a.yaml", b"x:\n  ? |\n\n  : 1\n"))
    assert (made.text, made.left_because) == (None, "it has a key of several lines")


def test_what_could_not_be_read_again_is_left_alone() -> None:
    made = format_file(SourceFile("a.yaml", b"x: {a, b:: }\n"))
    assert (made.text, made.left_because) == (None, "in another form it would read otherwise")


def test_a_comment_at_the_end_of_a_block_with_an_anchor_stays_in_it() -> None:
    assert is_in_form("""\
        x-base: &base
          a: 1
          # of base
        x-list: &list
          - 1
          # of list
        b: 2
        """)


def test_a_character_that_json_wrote_as_two_escapes_is_one_escape_of_yaml() -> None:
    given = r"""a: {"x\ud83d\ude00": "\ud83d\ude00", b: "\\ud83d \u00e4", c: '\ud83d\ude00'}"""
    made = r"""a: {"x\U0001F600": "\U0001F600", b: "\\ud83d \u00e4", c: '\ud83d\ude00'}"""
    assert form(given) == f"{made}\n"


def test_a_file_that_an_encoder_of_json_wrote_may_have_any_number_of_them() -> None:
    text = json.dumps({"jobs": {f"job-{number}": {"owner": "\U0001f600"} for number in range(99)}})
    made = form(text)
    assert made is not None
    assert made.count(r'{owner: "\U0001F600"}') == 99


@pytest.mark.parametrize("values", [10, 1000])
def test_a_file_is_gone_through_three_times_however_many_values_it_has(
    values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class Counting(yaml.BaseLoader):
        def get_event(self) -> Any:
            asked.append(None)
            return super().get_event()  # type: ignore[no-untyped-call]  # PyYAML has no types

    monkeypatch.setattr("jobrunner.spec.builder._Loader", Counting)
    monkeypatch.setattr("jobrunner.spec.written._Loader", Counting)
    made = form("a: [" + "1, " * values + "]\n")
    assert made is not None
    events = 2 + 2 + 3 + 2 + values + 1  # of the stream, document and mapping; of the list; the end
    assert len(asked) == pytest.approx(3 * events, abs=6)
