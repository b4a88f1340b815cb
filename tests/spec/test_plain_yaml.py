"""What is read line by line is what YAML's parser reads."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobrunner.spec.builder import TreeBuilder
from jobrunner.spec.plain_yaml import read_plain
from jobrunner.spec.report import Report
from jobrunner.spec.text import read_text
from jobrunner.spec.tree import Mapping, Node, Scalar, Source, plain, walk

VALUES = st.sampled_from(
    ["a", "b c  ", "10m", "true", "null", "~", "5", "-5", "-x", "- a", "1.5", ".5", ".inf", "010", "1_0",
     '"q"', '"q" ', '"a: b"', "'s'", "'it''s'", '"a\\n"', '"a"b', '"a"#b', '"a" # c', '"a', "''", '""',
     "[a, b]", "[]", "{}", '{a: 1, b: "x"}', "[1,2]", "[a, b,]", "{a: [1, {b: c}]}", "[a b, c  d]", "{a:1}",
     '{"a": 1}', "{a: }", "{a, b}", "[a", "{a: 1, a: 2}", "[[a], {b: c}]", "[-]", "[-1, -a]", "[a #b]",
     "[a:b]", "{: a}", "[ a , b ]", "{a : b}", "{5: a}", "{null: a}", "[a]]", "[a] b", "{a: b}# c",
     "x # c", "x #c", "x#c", "# c", "http://a.b/c", "a:b", "a: b", "a:", "${var.x}", "[${a}]", "|", ">",
     "&x a", "*x", "!t a", "@daily", "*/5 * * * *", "0 5 * * *", "%x", "a,b", "é ü", "😀 # x", "a\u0301: b",
     "---", "--- a", "...", "-", "-.5", "?", "a ? b", "<<", "no", "12:30", "(a)", "a\\b", 'a"b', "", "\t",
     "a\tb", "a\xa0b", '"\u2028"', "'a' 'b'", "[null, true, 010]", "x" * 130]
)  # fmt: skip
KEYS = st.sampled_from(
    ["a", "b", "c", "d", "e", "f", "g", "a.b", "x-y", "5", "true", "null", "no", '"a"', "<<", "é", "a b",
     "-a", "*x", "[a]", "", "a" * 101, "010", "日本", "? a", "0x1f"]
)  # fmt: skip
LINES = st.one_of(
    st.builds("{}: {}".format, KEYS, VALUES),
    st.builds("{}:".format, KEYS),
    st.builds("- {}".format, VALUES),
    st.sampled_from(
        ["", "# c", "  # c", "   ", "---", "--- # c", "...", "%YAML 1.1", "- - a", "a:b"]
    ),
)
INDENTS = st.sampled_from(["", "", "  ", "  ", "    ", "    ", "      ", " ", "   "])
TEXTS = st.builds(
    lambda lines, line_break, end: line_break.join(lines) + end,
    st.lists(st.builds("{}{}".format, INDENTS, LINES), min_size=1, max_size=8),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]),
    st.sampled_from(["\n", "", "\n\n", " "]),
)


def read_by_parser(source: Source) -> Sequence[Node]:
    """Its documents; a text with a mistake has none here."""
    report = Report()
    builder = TreeBuilder(source, report, {})
    builder.read(source.text)
    assert not report.files
    return builder.documents


def types(tree: Node) -> list[type]:
    return [type(node.value) for node in walk(tree) if isinstance(node, Scalar)]


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_a_text_gives_the_tree_of_the_parser_or_none(text: str) -> None:
    source, readable = read_text("a.yaml", text.encode(), Report())
    assume(readable == source.text)
    tree = read_plain(source)
    if tree is not None:
        (expected,) = read_by_parser(source)
        assert tree == expected
        assert types(tree) == types(expected)


WRITTEN = """\
---
# What every job file has somewhere.
version: 1
defaults: {owner: you, tags: [demo, "two words"]}   # and a comment

jobs:
  nightly:
    task: acme.tasks.run
    args:
    - first
    - 2   # the second
    kwargs: {limit: -5, nested: {list: [[1], []], none: null}, url: 'http://a.b'}
    schedules:
      early: {cron: "0 5 * * *"}
      late:
        cron: 0 23 * * 1-5
        exclude:
          - 2026-12-25

    description: A sentence, with-no:colon#and (brackets) [inside]
    timeout:
  hourly:
    task: acme.tasks.other
    schedule: "@hourly"
"""


@pytest.mark.parametrize("text", [WRITTEN, WRITTEN.replace("\n", "\r\n"), WRITTEN.rstrip("\n")])
def test_what_people_write_is_read_without_the_parser(text: str) -> None:
    source = Source("a.yaml", text)
    tree = read_plain(source)
    assert isinstance(tree, Mapping)
    assert [tree] == read_by_parser(source)
    assert plain(tree)["jobs"]["nightly"]["args"] == ["first", 2]


@pytest.mark.parametrize(
    "text",
    [
        "a: b: c\n", "a: 1\na: 2\n", "a: 1\n  b: 2\n", "a:\n    b: 1\n  c: 2\n", "- a\n", "a: &x 1\nb: *x\n",
        "a: |\n  text\n", "a: b\n  c\n", "a: 010\n", "a: [1,\n  2]\n", "a:\n  - b: 1\n", "a: 1\n---\nb: 2\n",
        "", "# nothing\n", "a: [" + "[" * 2000 + "\n", "a:\tb\n", "a: 1\n\r b: 2\n",
        "".join(f"{' ' * depth}a:\n" for depth in range(70)),
    ],
)  # fmt: skip
def test_all_else_is_left_to_the_parser(text: str) -> None:
    assert read_plain(Source("a.yaml", text)) is None
