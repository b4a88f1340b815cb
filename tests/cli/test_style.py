"""Text on a terminal: what is cut, padded, made safe."""

from hypothesis import given
from hypothesis import strategies as st

from jobrunner.cli.layout import Column, Table, fields_lines, table_lines
from jobrunner.cli.style import cut, pad, state_words, style, unstyle, width
from jobrunner.run import RunState
from jobrunner.wording.foreign_text import one_line, safe


def test_every_state_has_a_symbol_and_its_word() -> None:
    shown = [unstyle(state_words(state)) for state in RunState]
    assert [line.partition(" ")[2] for line in shown] == [str(state) for state in RunState]


def test_a_held_run_is_shown_as_held() -> None:
    assert unstyle(state_words("queued", held=True)) == "◌ held"


def test_control_and_direction_characters_of_others_are_made_visible() -> None:
    assert safe("a\x1b[2Jb\u202ec\x00") == "a\\x1b[2Jb\\x202ec\\x00"


@given(st.text())
def test_what_others_wrote_is_one_line_that_steers_nothing(text: str) -> None:
    shown = one_line(text)
    assert "\x1b" not in shown
    assert len(shown.splitlines()) <= 1


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"])), st.integers(1, 40))
def test_a_cut_text_is_never_wider_than_asked(text: str, columns: int) -> None:
    assert width(cut(style(text, "good"), columns)) <= columns


def test_a_cut_says_that_something_is_missing_and_ends_its_colour() -> None:
    assert cut(style("abcdefgh", "good"), 5) == "\x1b[32mabcd…\x1b[0m"


def test_wide_characters_count_twice() -> None:
    assert width("日本") == 4
    assert pad("日本", 6) == "日本  "


def test_columns_are_aligned_and_trailing_spaces_are_none() -> None:
    table = Table((Column("job"), Column("took", right=True)), [["a", "5 ms"], ["abcdef", "42 ms"]])
    assert [unstyle(line) for line in table_lines(table, None)] == [
        "job      took",
        "a        5 ms",
        "abcdef  42 ms",
    ]


def test_only_columns_that_may_shrink_are_cut_and_only_when_it_is_too_narrow() -> None:
    table = Table((Column("id"), Column("note", shrinks=True)), [["12345678", "x" * 100]])
    assert width(table_lines(table, None)[1]) == 110
    assert table_lines(table, 40)[1] == "12345678  " + "x" * 29 + "…"


HANGING = Table(
    (Column("id"), Column("job", shrinks=True), Column("note", shrinks=True, hangs=True)),
    [["1234", "billing/report", "no column 'amount'"], ["5", "ops/x", ""]],
)


def test_a_note_that_would_be_a_few_letters_stands_below_its_row() -> None:
    assert [unstyle(line) for line in table_lines(HANGING, 30)] == [
        "id    job",
        "1234  billing/report",
        "      no column 'amount'",
        "5     ops/x",
    ]


def test_a_note_that_fits_stands_beside() -> None:
    assert table_lines(HANGING, 40)[1] == "1234  billing/report  no column 'amount'"


def test_a_value_of_several_lines_goes_on_under_itself() -> None:
    assert [unstyle(line) for line in fields_lines([("a", "1\n2"), ("long", "3")])] == [
        "a     1",
        "      2",
        "long  3",
    ]
