from datetime import timedelta

import pytest

from jobrunner.spec.durations import format_duration, parse_duration


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
