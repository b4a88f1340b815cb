from datetime import timedelta

import pytest

from jobrunner.spec.durations import format_duration, parse_duration, spoken_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1.5h", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        (" 5m ", timedelta(minutes=5)),
        ("0.1s", timedelta(milliseconds=100)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "5 m",
        "-5m",
        "5minutes",
        "PT5M",
        "1e3s",
        "٣s",
        "0.1ms",
        "9" * 200 + "s",
        "5220w",
        5,
        1.5,
        True,
        None,
        [],
    ],
)
def test_anything_else_is_refused_with_a_right_form(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_duration(value)


def test_a_duration_is_written_in_one_way() -> None:
    assert format_duration(timedelta(seconds=90)) == "1m30s"
    assert format_duration(timedelta(0)) == "0s"
    assert format_duration(timedelta(days=8, milliseconds=5)) == "8d5ms"


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("5min", "5m"),
        ("5 minutes", "5m"),
        ("every 5 minutes", "5m"),
        ("1 hour and 30 minutes", "1h30m"),
        ("every hour", "1h"),
        ("a day", "1d"),
    ],
)
def test_a_spoken_duration_is_understood_for_advice(spoken: str, written: str) -> None:
    assert spoken_duration(spoken) == written


@pytest.mark.parametrize("text", ["", "5", "every", "5 parsecs", "*/5 * * * *", "every day at 5"])
def test_what_is_no_spoken_duration_is_not_guessed_at(text: str) -> None:
    assert spoken_duration(text) == ""


def test_a_spoken_duration_is_refused_with_its_right_form() -> None:
    with pytest.raises(ValueError, match=r"'5 minutes' is no duration; write '5m'"):
        parse_duration("5 minutes")
