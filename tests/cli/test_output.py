"""Where output goes, and what it looks like there."""

import io
import json
import time
from collections.abc import Callable

import pytest
import yaml

from jobrunner.cli.layout import Column, Table
from jobrunner.cli.output import Form, Output
from jobrunner.cli.style import style
from tests.cli.calling import Terminal, WatchedTerminal

TABLE = Table((Column("job"),), [["ops/report"]], empty="None yet.")


def test_colours_reach_a_terminal() -> None:
    out = Terminal()
    Output(out, Terminal(), {}).result(style("well", "good"))
    assert out.getvalue() == "\x1b[32mwell\x1b[0m\n"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused_by_the_environment(environ: dict[str, str]) -> None:
    out = Terminal()
    Output(out, Terminal(), environ).result(style("well", "good"))
    assert out.getvalue() == "well\n"


def test_a_pipe_gets_no_colours() -> None:
    out = io.StringIO()
    Output(out, io.StringIO(), {}).result(style("well", "good"))
    assert out.getvalue() == "well\n"


def test_no_color_on_the_command_line_holds_for_both_streams() -> None:
    out, err = Terminal(), Terminal()
    output = Output(out, err, {})
    output.without_color()
    output.result(style("well", "good"))
    output.error("Broken.")
    assert "\x1b" not in out.getvalue() + err.getvalue()


def test_results_are_on_stdout_and_everything_else_on_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err, {})
    output.result("result")
    output.warning("Odd.", "Look.")
    assert out.getvalue() == "result\n"
    assert err.getvalue() == "warning: Odd.\n  → Look.\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Name? ", "Name? \nfailed\n"), ("line\n", "line\nfailed\n"), ("", "failed\n")],
)
def test_a_result_begins_on_a_line_of_its_own(text: str, shown: str) -> None:
    out = io.StringIO()
    output = Output(out, io.StringIO(), {})
    output.result_text(text)
    output.result("failed")
    assert out.getvalue() == shown


def test_on_a_terminal_a_long_error_and_what_to_type_are_broken_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    err = Terminal()
    Output(Terminal(), err, {"NO_COLOR": "1"}).error(
        "One sentence of words.", "And another one, too."
    )
    assert err.getvalue() == "error: One sentence\n  of words.\n  → And another one,\n    too.\n"


def test_a_pipe_gets_no_progress() -> None:
    err = io.StringIO()
    with Output(io.StringIO(), err, {}).progress("waiting"):
        pass
    assert err.getvalue() == ""


def test_what_is_quick_shows_no_progress_on_a_terminal_either() -> None:
    err = Terminal()
    with Output(Terminal(), err, {}).progress("waiting"):
        pass
    assert err.getvalue() == ""


def test_an_empty_listing_says_what_to_do_and_leaves_stdout_empty() -> None:
    out, err = io.StringIO(), io.StringIO()
    Output(out, err, {}).listing([], Table((Column("job"),), [], empty="None yet."), "table")
    assert (out.getvalue(), err.getvalue()) == ("", "None yet.\n")


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_listing_for_programs_is_a_list_of_records(form: Form, read: object) -> None:
    out = io.StringIO()
    Output(out, io.StringIO(), {}).listing([{"job": "ops/ü"}], TABLE, form)
    assert callable(read)
    assert read(out.getvalue()) == [{"job": "ops/ü"}]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_nothing_in_a_document_steers_the_terminal_or_turns_the_line(
    form: Form, read: Callable[[str], object]
) -> None:
    value = {"name": "a\u202eb\x1b[2J\x9b2J\u2028c ü", "plain": "ü"}
    out = io.StringIO()
    Output(out, io.StringIO(), {}).document(value, form)
    assert read(out.getvalue()) == value
    assert not set("\u202e\x1b\x9b\u2028") & set(out.getvalue())


def test_a_document_with_half_a_surrogate_pair_is_written_all_the_same() -> None:
    out = io.StringIO()
    Output(out, io.StringIO(), {}).document({"file": "a\udc80.yaml", "ü": []}, "json")
    assert out.getvalue() == '{\n  "file": "a\udc80.yaml",\n  "ü": []\n}\n'


def test_a_document_is_written_as_python_writes_json() -> None:
    value = {"a": [], "b": {}, "c": [1, 2.5, None, True], "d": 'ü"\\\n\t/', "e": [{"f": 10**30}]}
    out = io.StringIO()
    Output(out, io.StringIO(), {}).document(value, "json")
    assert out.getvalue() == json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def test_progress_counts_the_time_that_loading_the_command_has_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.cli.output._PROGRESS_AFTER_SECONDS", 60)
    err = WatchedTerminal()
    output = Output(Terminal(), err, {})
    monkeypatch.setattr(output, "_began_at", time.monotonic() - 60)
    with output.progress("waiting"):
        assert err.written.wait(30)
    assert "waiting …" in err.getvalue()


def test_only_yes_is_yes() -> None:
    output = Output(Terminal(), Terminal(), {})
    assert output.confirm("Apply this?", io.StringIO("y\n"))
    assert output.confirm("Apply this?", io.StringIO("YES\n"))
    assert not output.confirm("Apply this?", io.StringIO("\n"))
    assert not output.confirm("Apply this?", io.StringIO(""))
