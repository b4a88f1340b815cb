"""Which lines are not quoted in a message, and what is said of them."""

import pytest

from jobrunner.spec.parse import parse_project
from jobrunner.spec.sensitive_lines import sensitive_lines, sensitive_names
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import parse


def hidden(text: str) -> set[int]:
    return {*sensitive_lines(text.splitlines(), sensitive_names(text))}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("kwargs: {password: x}\n", set()),
        ("sensitive: [password]\nkwargs: {password: x}\nother: 1\n", {2}),
        (
            "sensitive: [password]\nkwargs:\n  password: |\n    x\n\n    y\nother: 1\n",
            {2, 3, 4, 5, 6},
        ),
        ("sensitive:\n  - password\n  - pin\nkwargs: {pin: 1}\nqueue: a\n", {4}),
        ("{'sensitive': ['pin'], 'kwargs': {'pin': 1}}\nqueue: a\n", {1}),
        ("sensitive: [pin]\npins: 1\nmy-pin: 2\n", set()),
    ],
)
def test_a_line_with_a_sensitive_argument_and_what_goes_on_with_it_are_hidden(
    text: str, lines: set[int]
) -> None:
    assert hidden(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("sensitive: [password]\nkwargs:\n  pasword: x\nqueue: a\n", {2, 3}),
        ("sensitive: [password]\nkwarg:\n  password: x\nqueue: a\n", {3}),
        ("sensitive: [password]\npassword:x\n", {2}),
        ("sensitive: [password]\npassword x\n", {2}),
        ("sensitive: [password]\n  password:\nx\nqueue: a\n", {2, 3}),
        ("sensitive: password\nkwargs: {password: x}\n", {2}),
        ("sensitve: [password]\nkwargs: {password: x}\n", {2}),
        ("senstive: [password\nkwargs: {password: x}\n", {2}),
    ],
)
def test_it_is_hidden_with_a_slip_of_the_pen_too(text: str, lines: set[int]) -> None:
    assert hidden(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("vars:\n  API_TOKEN: abc\n  BUCKET: reports\nqueues: {}\n", {2}),
        ("vars: {db_password: abc, BUCKET: reports}\n", {1}),
        ('    "vars":\n      SECRET_KEY: |\n        abc\n      BUCKET: reports\n', {2, 3}),
        ("vars: {BUCKET: reports}\nguards:\n  token: 1\n", set()),
    ],
)
def test_a_variable_whose_name_tells_what_it_holds_is_hidden(text: str, lines: set[int]) -> None:
    assert hidden(text) == lines


def test_a_mistake_in_such_a_variable_does_not_quote_it() -> None:
    config = b"environments:\n  prod:\n    vars:\n      TOKEN: [s3cr3t]\n      BUCKET: [reports]\n"
    told = parse_project(SourceFile("jobrunner.yaml", config), []).diagnostics
    lines = {one.location.line: one.source_line.strip() for one in told if one.code == "E203"}
    assert lines == {4: "", 5: "BUCKET: [reports]"}


def test_what_the_project_file_names_is_hidden_in_all_files() -> None:
    names = sensitive_names("defaults: {sensitive: [password]}\n")
    file = SourceFile("a.yaml", b"jobs: {a: {task: a.b, kwargs: {password: *x}}}", names)
    (found,) = parse_project(None, [file]).diagnostics
    assert (found.code, found.source_line) == ("E106", "")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("*canary", "E106"), ("!canary x", "E109"), ("0123456789", "E110"), ("${canary", "E230"),
        ("${x!canary}", "E230"), ("@canary", "E104"), ("{[canary]: x}", "E111"), ("&c canary: x", "E103"),
    ],
)  # fmt: skip
def test_no_words_quote_from_a_line_that_is_hidden(given: str, code: str) -> None:
    text = f"jobs:\n  a:\n    task: a.b\n    sensitive: [pin]\n    kwargs:\n      pin: {given}\n"
    found = [one.as_json() for one in parse(text).diagnostics]
    assert [one["code"] for one in found] == [code]
    assert "canary" not in str(found)
    assert "0123456789" not in str(found)
