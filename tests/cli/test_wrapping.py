"""Long lines are broken between words, the rest below the words they belong to."""

from jobrunner.cli.style import style, unstyle, width
from jobrunner.cli.wrapping import wrapped

EVENT = "12:00:10  ✕ ops/disk-report         failed after 42 ms: ValueError: there is no paper left"


def test_a_line_that_fits_or_has_no_terminal_stays_as_it_is() -> None:
    assert wrapped(EVENT, 200) == [EVENT]
    assert wrapped(EVENT, None) == [EVENT]


def test_an_event_goes_on_below_its_words() -> None:
    assert wrapped(EVENT, 70) == [
        "12:00:10  ✕ ops/disk-report         failed after 42 ms: ValueError:",
        "                                    there is no paper left",
    ]


def test_on_a_narrow_terminal_it_goes_on_below_the_address() -> None:
    assert wrapped(EVENT, 50)[1] == "            42 ms: ValueError: there is no paper"


def test_any_other_line_goes_on_two_columns_further_than_it_began() -> None:
    assert wrapped("  → one two three", 12) == ["  → one two", "    three"]


def test_advice_beside_carets_goes_on_below_itself() -> None:
    assert wrapped("   |     ^^^^ did you mean 'every' or 'cron'?", 38) == [
        "   |     ^^^^ did you mean 'every' or",
        "   |          'cron'?",
    ]


def test_a_line_of_a_file_is_never_broken() -> None:
    line = " 17 |       schedule: {every: 5m, timezone: Europe/Berlin}"
    assert wrapped(line, 30) == [line]


def test_a_word_that_is_longer_than_a_line_stays_whole() -> None:
    assert wrapped("see /a/very/long/path/to/somewhere now", 20) == [
        "see",
        "  /a/very/long/path/to/somewhere",
        "  now",
    ]


def test_colours_take_no_columns() -> None:
    line = style("one two three four", "bad")
    lines = wrapped(line, 10)
    assert [unstyle(part) for part in lines] == ["one two", "  three", "  four"]
    assert max(width(part) for part in lines) <= 10


def test_a_field_goes_on_below_its_value() -> None:
    line = "      kwargs.region  one two three four five six"
    assert wrapped(line, 48) == ["      kwargs.region  one two three four five six"]
    assert wrapped(line, 46) == [
        "      kwargs.region  one two three four five",
        "                     six",
    ]


def test_what_stands_in_a_column_comes_nearer_before_it_goes_to_the_next_line() -> None:
    line = "      kwargs.region  one two          :9"
    assert wrapped(line, 36) == ["      kwargs.region  one two  :9"]
