"""The cron dialect, and what is said of an expression that is wrong."""

from datetime import UTC, datetime

import pytest

from jobrunner.schedule import ScheduleError, make_timing, next_time, parse_cron

SHAPE = (
    "a cron expression has five fields (minute hour day-of-month month day-of-week), "
    "or six with the second first"
)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/15 * * * *", "2026-11-21 12:15:00"),
        ("10/20 * * * *", "2026-11-21 12:10:00"),
        ("5-7 13 * * *", "2026-11-21 13:05:00"),
        ("5-59/20 * * * *", "2026-11-21 12:05:00"),
        ("30 9 * * 1-5", "2026-11-23 09:30:00"),
        ("30 9 * * mon-FRI", "2026-11-23 09:30:00"),
        ("0 0 * * 7", "2026-11-22 00:00:00"),
        ("0 0 * * 0", "2026-11-22 00:00:00"),
        ("0 0 1 jan *", "2027-01-01 00:00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00"),
        ("15 30 12 * * *", "2026-11-21 12:30:15"),
        ("*/10 * * * * *", "2026-11-21 12:00:10"),
        ("0 0 L * *", "2026-11-30 00:00:00"),
        ("0 0 L-3 * *", "2026-11-27 00:00:00"),
        ("0 0 L 2 *", "2027-02-28 00:00:00"),
        ("0 0 LW 1 *", "2027-01-29 00:00:00"),
        ("0 0 15W 5 *", "2027-05-14 00:00:00"),
        ("0 0 16W 5 *", "2027-05-17 00:00:00"),
        ("0 0 1W 5 *", "2027-05-03 00:00:00"),
        ("0 0 31W 1 *", "2027-01-29 00:00:00"),
        ("0 0 * * 5L", "2026-11-27 00:00:00"),
        ("0 0 * * FRIL", "2026-11-27 00:00:00"),
        ("0 0 * * 1#2", "2026-12-14 00:00:00"),
        ("0 0 * * MON#5", "2026-11-30 00:00:00"),
        ("  0   0\t* * *  ", "2026-11-22 00:00:00"),
    ],
)
def test_each_form_means_what_cron_users_expect(text: str, expected: str) -> None:
    found = next_time(make_timing(cron=text), NOW)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@hourly", "2026-11-21 13:00:00"),
        ("@daily", "2026-11-22 00:00:00"),
        ("@midnight", "2026-11-22 00:00:00"),
        ("@weekly", "2026-11-22 00:00:00"),
        ("@monthly", "2026-12-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("@Annually", "2027-01-01 00:00:00"),
    ],
)
def test_macros_stand_for_their_expression(text: str, expected: str) -> None:
    found = next_time(make_timing(cron=text), NOW)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_day_and_weekday_both_restricted_mean_either() -> None:
    either = make_timing(cron="0 0 25 * 1")
    assert next_time(either, NOW) == datetime(2026, 11, 23, tzinfo=UTC)
    assert next_time(either, datetime(2026, 11, 23, tzinfo=UTC)) == datetime(
        2026, 11, 25, tzinfo=UTC
    )


def test_a_field_that_begins_with_a_star_must_match_too() -> None:
    both = make_timing(cron="0 0 */10 * 1")
    assert next_time(both, NOW) == datetime(2026, 12, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message", "offset", "width"),
    [
        ("61 * * * *", "minute 61 is out of range 0-59", 0, 2),
        ("0 24 * * *", "hour 24 is out of range 0-23", 2, 2),
        ("0 0 0 * *", "day-of-month 0 is out of range 1-31", 4, 1),
        ("0 0 * 13 *", "month 13 is out of range 1-12", 6, 2),
        ("0 0 * * 8", "day-of-week 8 is out of range 0-7", 8, 1),
        ("60 0 0 * * *", "second 60 is out of range 0-59", 0, 2),
        ("1,2,99 * * * *", "minute 99 is out of range 0-59", 4, 2),
        ("*/0 * * * *", "minute step /0 is no step; a step is a number from 1", 1, 2),
        ("0/ * * * *", "minute step / is no step; a step is a number from 1", 1, 1),
        (
            "5-1 * * * *",
            "minute range 5-1 runs backwards; write two items: 5-59,0-1",
            0,
            3,
        ),
        (
            "0 0 * * FRI-SUN",
            "day-of-week range FRI-SUN runs backwards; write two items: FRI-7,0-SUN",
            8,
            7,
        ),
        ("0 0 * * MONN", "day-of-week 'MONN' is no name; did you mean MON?", 8, 4),
        ("0 0 * JUNE *", "month 'JUNE' is no name; did you mean JUN?", 6, 4),
        (
            "0 0 X * *",
            "day-of-month 'X' is not understood; write 1-31, L, L-3, 15W or LW",
            4,
            1,
        ),
        ("1,,2 * * * *", "minute has a comma with nothing beside it; remove the comma", 2, 1),
        ("0 0 ? * *", "day-of-month '?' is not known to this cron; write '*' for any", 4, 1),
        (
            "0 0 * * L",
            "day-of-week L needs a day; the last Friday of the month is written 5L",
            8,
            1,
        ),
        ("0 0 L-31 * *", "day-of-month L-31 is out of range L-1 to L-30", 4, 4),
        ("0 0 32W * *", "day-of-month 32 is out of range 1-31", 4, 2),
        (
            "0 0 * * 1#6",
            "day-of-week #6 is out of range #1 to #5; the last one is written 1L",
            8,
            3,
        ),
        ("@dayly", "'@dayly' is no cron macro; did you mean '@daily'?", 0, 6),
        (
            "@reboot",
            "'@reboot' is no cron macro; nothing reboots here; start such a job by hand or by the API",
            0,
            7,
        ),
        (
            "* * * * * * 2027",
            "'* * * * * * 2027' has 7 fields; " + SHAPE,
            12,
            4,
        ),
        (
            "* * *",
            "'* * *' has 3 fields; " + SHAPE,
            0,
            5,
        ),
    ],
)
def test_a_mistake_is_a_sentence_and_a_place(
    text: str, message: str, offset: int, width: int
) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_cron(text)
    assert (caught.value.message, caught.value.offset, caught.value.width) == (
        message,
        offset,
        width,
    )


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_an_empty_expression_says_what_one_has(text: str) -> None:
    with pytest.raises(ScheduleError, match="the cron expression is empty; it has five fields"):
        parse_cron(text)


@pytest.mark.parametrize(
    "text",
    ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 */30 2 3#2", "0 0 */31 2 1#5", "0 0 0 L-30 2 *"],
)
def test_an_expression_that_can_never_match_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="can never match"):
        parse_cron(text)


def test_a_rare_match_is_found_however_far_it_is() -> None:
    rare = make_timing(cron="0 0 29 2 */7")  # a 29 February that is a Sunday
    assert next_time(rare, NOW) == datetime(2032, 2, 29, tzinfo=UTC)
    over_the_century = next_time(rare, datetime(2088, 3, 1, tzinfo=UTC))
    assert over_the_century == datetime(2128, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["٣ * * * *", "1.5 * * * *", "-1 * * * *", "* * * * *\x00", "*" * 2000]
)
def test_text_that_is_no_cron_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_cron(text)
