"""What a text says, by the table "YAML itself" of the format."""

import pytest
import yaml

from jobrunner.spec.report import Report
from jobrunner.spec.tree import Mapping, plain
from jobrunner.spec.yaml import SourceFile, read_tree
from tests.spec.reading import mistakes, parse, read_job


def values(text: str | bytes) -> object:
    content = text if isinstance(text, bytes) else text.encode()
    _, (document,) = read_tree(SourceFile("a.yaml", content), Report())
    return plain(document)


@pytest.mark.parametrize(
    "written",
    ["12:30", "no", "off", "yes", "y", "2026-01-02", "0b11", "1.2.3", "--", "+", "nul", "=", "0o8"],
)
def test_what_yaml_1_1_would_convert_stays_text(written: str) -> None:
    assert values(f"a: {written}") == {"a": written}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None), ("~", None), ("", None), ("NULL", None), ("true", True), ("False", False),
        ("0", 0), ("-17", -17), ("+5", 5), ("0x1F", 31), ("0o17", 15), ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)), ("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("10.", 10.0),
        ("'5'", "5"), ('"true"', "true"), ("!!str 5", "5"),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_by_the_core_schema(written: str, value: object) -> None:
    assert values(f"a: {written}") == {"a": value}


@pytest.mark.parametrize(
    "written",
    [
        "010",
        "-010",
        "00",
        "1_000",
        "1_0.5",
        "9223372036854775808",
        ".inf",
        "-.INF",
        ".nan",
        "1e999",
        "9" * 200,
    ],
)
def test_ambiguous_numbers_are_refused_where_they_stand(written: str) -> None:
    assert mistakes(f"jobs: {{a: {{task: m.f, kwargs: {{x: {written}}}}}}}") == [("E110", 1, 35)]


def test_on_is_a_key_like_any_other() -> None:
    assert values("on: 1") == {"on": 1}


def test_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    assert values(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


def test_byte_order_mark_moves_no_column() -> None:
    assert mistakes(b"\xef\xbb\xbfjbos: {}\n") == [("E201", 1, 1)]


def test_empty_file_and_comments_only_mean_no_jobs() -> None:
    parsed = parse("", "# nothing yet\n", "---\n---\n", "jobs:\n")
    assert (parsed.jobs, parsed.diagnostics) == ((), ())


def test_alias_stands_for_what_its_anchor_names() -> None:
    assert values("a: &x {k: [1, 2]}\nb: *x\n") == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


def test_merge_key_gives_way_to_keys_of_the_mapping() -> None:
    text = "base: &b {queue: q, owner: o}\njob: {<<: *b, owner: me}\n"
    assert values(text) == {
        "base": {"queue": "q", "owner": "o"},
        "job": {"owner": "me", "queue": "q"},
    }


def test_earlier_mapping_of_a_merged_list_wins() -> None:
    assert values("a: {<<: [{x: 1}, {x: 2, y: 2}]}") == {"a": {"x": 1, "y": 2}}


def test_quoted_merge_key_is_an_ordinary_key() -> None:
    assert values("a: {'<<': 1}") == {"a": {"<<": 1}}


def test_documents_are_parts_of_their_file() -> None:
    parsed = parse("jobs: {a: {task: m.f}}\n---\nnamespace: other\njobs: {a: {task: m.f}}\n")
    assert [job.address for job in parsed.jobs] == ["default/a", "other/a"]


def test_jobs_before_a_broken_document_are_still_read() -> None:
    parsed = parse("jobs: {a: {task: m.f}}\n---\njobs: [\n")
    assert [job.address for job in parsed.jobs] == ["default/a"]
    assert [found.code for found in parsed.diagnostics] == ["E103"]


def test_an_unquoted_expression_is_read_as_meant_after_it_is_reported() -> None:
    text = "jobs:\n  a: {task: m.f, schedule: */5 * * * *}\n  b: {task: m.f, schedul: @daily}\n"
    assert mistakes(text) == [("E104", 2, 28), ("E201", 3, 18), ("E104", 3, 27)]


def test_the_mended_line_is_shown() -> None:
    (found,) = parse("jobs:\n  a:\n    task: m.f\n    schedule: */5 * * * *  # often\n").diagnostics
    assert found.help == 'quote the expression: schedule: "*/5 * * * *"  # often'


def test_every_unquoted_expression_of_a_text_is_told_however_many_there_are() -> None:
    text = "jobs:\n" + "".join(f"  a{n}: {{task: m.f, schedule: */5 * * * *}}\n" for n in range(60))
    assert {code for code, _, _ in mistakes(text)} == {"E104"}
    assert [line for _, line, _ in mistakes(text)] == list(range(2, 62))


def test_what_looks_like_an_unquoted_expression_in_a_text_or_a_comment_is_none() -> None:
    text = (
        "jobs:\n  a:\n    task: m.f\n    schedule: @daily\n    kwargs:  # was: @hourly\n"
        "      quoted: 'cron: */5 * * *'\n      plain: run - @daily - at night\n      block: |\n"
        "        - @weekly\n        cron: * * * * *\n"
    )
    assert mistakes(text) == [("E104", 4, 15)]
    assert parse(text).calls[0].kwargs == {
        "quoted": "cron: */5 * * *",
        "plain": "run - @daily - at night",
        "block": "- @weekly\ncron: * * * * *\n",
    }


def test_an_expression_at_which_the_parser_stops_stays_mended_whatever_it_is_a_part_of() -> None:
    assert mistakes("{a:# b- @daily*x${A}") == [("E103", 1, 1), ("E104", 1, 9)]


def test_an_alias_is_no_unquoted_expression() -> None:
    text = "x-q: &q fast\njobs:\n  a: {task: m.f, schedule: @daily}\n  b: {task: m.f, queue: *q}\n"
    assert mistakes(text) == [("E104", 3, 28)]
    assert [job.spec.queue for job in parse(text).jobs] == ["default", "fast"]


def test_caret_covers_the_quotes_of_a_text() -> None:
    (found,) = parse('jobs: {a: {task: m.f, priority: "6"}}').diagnostics
    assert (found.location.column, found.width) == (33, 3)


def test_columns_count_characters_not_bytes() -> None:
    assert mistakes("jobs: {a: {task: m.f, description: 'äöü€𝄞', qeue: x}}") == [("E201", 1, 45)]


def test_a_tab_is_welcome_in_quotes_and_comments() -> None:
    assert mistakes("jobs:\n  a: {task: m.f, owner: 'x\ty'}  # a\tb\n#\tc\n") == []


@pytest.mark.parametrize("odd", ["\u00a0", "\u200b", "\u3000", "\u2003"])
def test_a_space_that_is_none_is_told_and_read_as_one(odd: str) -> None:
    assert mistakes(f"jobs:\n  a:\n    task:{odd}m.f\n    qeue: x\n") == [
        ("E102", 3, 10),
        ("E201", 4, 5),
    ]


@pytest.mark.parametrize("odd", ["\u00a0", "\u200b", "\u3000"])
@pytest.mark.parametrize("behind", ["", "\n    queue: q", "  # and\u00a0so on"])
def test_an_odd_space_behind_a_colon_is_told_where_it_stands(odd: str, behind: str) -> None:
    text = f"jobs:\n  a:\n    task: m.f\n    owner:{odd}x{behind}\n"
    assert mistakes(text) == [("E102", 4, 11)]
    assert [job.spec.owner for job in parse(text).jobs] == ["x"]


def test_a_key_without_a_colon_is_told_as_such_whatever_stands_in_its_words() -> None:
    assert mistakes("jobs:\n  a:\n    task: m.f\n    owner\u00a0x\n") == [("E103", 4, 5)]


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ('description: "Quoted" rest', 27, "text stands behind the closing quote"),
        ("description: 'it's'", 22, "text stands behind the closing quote"),
        ("tags: [a] b", 15, "text stands behind the closing bracket"),
        ("retry: {max_retries: 3} b", 29, "text stands behind the closing bracket"),
        ("tags: {a: b}}", 17, "text stands behind the closing bracket"),
        ('tags: ["a" b]', 16, "text stands behind the closing quote, or a comma is missing"),
        ("kwargs: {a: [1] b}", 21, "text stands behind the closing bracket, or a comma is missing"),
    ],
)
def test_text_behind_what_ends_a_value_is_told_where_it_stands(
    line: str, column: int, said: str
) -> None:
    (found,) = parse(f"jobs:\n  a:\n    task: m.f\n    {line}\n    queue: q\n").diagnostics
    assert (found.code, found.location.line, found.location.column) == ("E103", 4, column)
    assert found.message == said
    assert found.help.startswith("put the whole value in quotes, or ")


def test_a_line_that_does_not_line_up_is_told_as_such_behind_quotes() -> None:
    (found,) = parse('jobs:\n  a:\n    task: "m.f"\n   owner: b\n').diagnostics
    assert found.message == "this line does not line up with the keys that start at line 2"


def test_a_second_definition_of_an_anchor_holds_from_there() -> None:
    assert values("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c", "a second ': '"),
        ("a: - b", "a list cannot start here"),
        ('a: "\\d"', "an unknown escape"),
        ("a: 'x", "the quote that opens here is never closed"),
        ("a: [", "a value is missing here, or a bracket is not closed"),
        ("a: [1,\nb: 2", "the '[' that opens here is not closed"),
        ("a: {b: 1", "the '{' that opens here is not closed"),
        ("a:\n  b: 1\n c: 2", "does not line up with the keys that start at line 1"),
        ("a: 1\nb\nc: 2", "a key without ':'"),
        ("a: &", "'&' and '*' are YAML's signs"),
        ("a: `b`", "'`' cannot start a value"),
        ("a: ]", "']' has no beginning"),
        ("{a:,}", "a ':' without a space after it"),
        ("a: ? b", "a '?' cannot stand here"),
        ("%YAML 3.0\n---\na: 1", "this version of YAML is not known"),
        ("%a", "a line that starts with '%'"),
        ("a: !<x y", "a tag that cannot be read"),
        ("a: 1\n...\nb", "text after the end of the document"),
    ],
)
def test_what_the_parser_complains_of_is_said_in_plain_words(text: str, said: str) -> None:
    assert said in " ".join(found.message for found in parse(text).diagnostics)


BOMBS = {
    "aliases": "a: &k0 [x,x]\n" + "".join(f"b{n}: &k{n + 1} [*k{n},*k{n}]\n" for n in range(60)),
    "merged aliases": "a: &a {x: 1, y: 2}\nb:\n" + "- {<<: [*a, *a], z: [*a, *a]}\n" * 20_000,
    "merges of merges": "a: &k0 {x: 1}\n"
    + "".join(f"b{n}: &k{n + 1} {{<<: *k{n}, y{n}: *k{n}}}\n" for n in range(60)),
    "brackets": "[" * 4_000_000,
    "braces": "{a: " * 1_000_000,
    "dashes": "- " * 2_000_000,
    "question marks": "? " * 2_000_000,
    "duplicate keys": "a: 1\n" * 300_000,
    "unknown keys": "jobs:\n a:\n" + "".join(f"  k{n}: 1\n" for n in range(90_000)),
    "documents": "---\njobs: {a: {task: m.f}}\n" * 10_000,
    "variables": "jobs: {a: {task: m.f, owner: '" + "${A}" * 250_000 + "'}}",
    "a matrix": "jobs: {a: {task: m.f, matrix: {"
    + ", ".join(f"k{n}: [1, 2]" for n in range(10_000))
    + "}}}",
    "matrices": "jobs:\n"
    + "".join(
        f"  a{n}: {{task: m.f, matrix: {{a: [{'1, ' * 9}2], b: [{'1, ' * 9}2], c: &c [{'1, ' * 9}2]}}}}\n"
        for n in range(300)
    ),
    "mistakes of one list": "jobs: {a: {task: m.f, tags: [" + "1, " * 100_000 + "]}}",
    "mistakes of one job": "jobs: {a: {task: m.f, schedules: {"
    + "".join(f"s{n}: x, " for n in range(20_000))
    + "}}}",
    "arguments of schedules": "jobs: {a: {task: m.f, kwargs: {"
    + ", ".join(f"k{n}: 1" for n in range(300))
    + "}, schedules: {"
    + "".join(f"s{n}: {{cron: '@daily', kwargs: {{x: 1}}}}, " for n in range(20_000))
    + "}}}",
    "sensitive names": "jobs: {a: {tsk: m.f, sensitive: ["
    + "".join(f"p{n}, " for n in range(100_000))
    + "]}}",
    "values of a matrix": f"jobs: {{a: {{task: m.f, matrix: {{k: [{'1, ' * 100_000}2]}}}}}}",
    "templates over each other": "templates:\n"
    + "".join(f"  t{n + 1}: {{extends: t{n}}}\n" for n in range(20_000)),
    "wrong time zones": "jobs:\n"
    + "".join(
        f"  a{n}: {{task: m.f, schedule: {{every: 5m, timezone: Eurpe/Berlin{n}}}}}\n"
        for n in range(4_000)
    ),
    "tags": "- !a b\n" * 300_000,
    "control characters": "\x01" * 4_000_000,
    "no-break spaces": "\u00a0" * 2_000_000,
    "tabs": "a:\tb\n" * 20_000,
    "unquoted expressions": "jobs:\n" + "  a: */5 * * * *\n" * 50_000,
    "one long line": "a: " + "x" * 5_000_000,
    "long number": "a: " + "9" * 5_000_000,
    "long key": "x" * 900 + ": 1",
    "open quote": "a: '" + "x\n" * 2_000_000,
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_fault_60_hostile_text_ends_in_diagnostics_within_bounds(text: str) -> None:
    # What is exponential, or quadratic in megabytes, would not end within the life of a test run.
    assert 1 <= len(parse(text).diagnostics) <= 1001


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "x-0: &k0 [x, x]\n"
            + "".join(f"x-{n}: &k{n} [*k{n - 1}, *k{n - 1}]\n" for n in range(1, 14)),
            ("E107", 12, 13),
        ),
        ("x-a:\n" + "".join(f"{' ' * n}b:\n" for n in range(1, 70)), ("E108", 65, 65)),
        ("[" * 65, ("E108", 1, 65)),
        ("jobs:\n  a: {task: m.f}\n  a: {task: m.f}\n", ("E105", 3, 3)),
        ("jobs:\n  a: {task: m.f, tsk: m.f}\n", ("E201", 2, 18)),
    ],
)
def test_fault_60_each_bound_and_each_wrong_key_is_an_error_with_its_place(
    text: str, place: tuple[str, int, int]
) -> None:
    assert place in mistakes(text)


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"x-a: 1\nx-b: \xe4\n", ("E101", 2, 6), "byte 0xE4 at offset 12"),
        (b"x-a: 1\nx-b: x\x00y\n", ("E102", 2, 7), "a NUL byte"),
        (b'x-a: 1\nx-b: "\\0"\n', ("E113", 2, 6), "a NUL character"),
        (b"x-a: 1\n\xef\xbb\xbfx-b: 2\n", ("E102", 2, 1), "a byte order mark in the middle"),
        (b"\xff\xfea\x00", ("E101", 1, 1), "UTF-16"),
    ],
)
def test_fault_58_bytes_that_are_no_text_are_named_with_their_place(
    content: bytes, place: tuple[str, int, int], said: str
) -> None:
    found = parse(content).diagnostics[0]
    assert (found.code, found.location.line, found.location.column) == place
    assert said in found.message


def test_ten_thousand_aliased_nodes_are_accepted() -> None:
    text = "a: &a [" + ", ".join("x" * 99) + "]\nb: [" + ", ".join(["*a"] * 100) + "]\n"
    assert len(values(text)["b"]) == 100  # type: ignore[index]  # a mapping, by the text


def test_sixty_four_levels_are_accepted() -> None:
    report = Report()
    _, documents = read_tree(SourceFile("a.yaml", b"[" * 64 + b"]" * 64), report)
    assert len(documents) == 1
    assert report.in_file_order([]) == ()


def test_nodes_know_where_they_stand() -> None:
    _, (document,) = read_tree(SourceFile("a.yaml", b"a:\n  b: [1, two]\n"), Report())
    assert isinstance(document, Mapping)
    inner = document.entries["a"].value
    assert isinstance(inner, Mapping)
    key, value = inner.entries["b"]
    assert (key.line, key.column, value.line, value.column) == (2, 3, 2, 6)


def test_the_pure_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "jobs: {a: {task: m.f, kwargs: {n: [1, 'x', \"y\"]}, schedule: '@daily'}}"
    fast = read_job(text)
    monkeypatch.setattr("jobrunner.spec.builder._Loader", yaml.BaseLoader)
    assert read_job(text) == fast
