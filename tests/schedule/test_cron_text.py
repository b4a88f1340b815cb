"""The cron dialect, and what is said of an expression that is wrong."""

from datetime import UTC, datetime

import pytest

from jobrunner.schedule import (
    ScheduleError,
    in_words,
    make_timing,
    next_time,
    numbers_of,
    parse_cron,
)

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
        ("0 0 * * fri#l", "2026-11-27 00:00:00"),
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


def test_a_plus_before_the_weekday_asks_for_both() -> None:
    friday_13 = make_timing(cron="0 12 13 * +FRI,SAT")
    assert next_time(friday_13, NOW) == datetime(2027, 2, 13, 12, tzinfo=UTC)
    assert in_words(friday_13) == (
        "at 12:00 on the 13th of the month, if that is Friday or Saturday, UTC"
    )


def test_a_mistake_after_the_plus_is_pointed_at() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_cron("0 12 13 * +FRY")
    assert (refused.value.offset, refused.value.width) == (11, 3)


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
            "day-of-month 'X' is not understood; write 1-31, L, L-3, 15W, LW or H",
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
        (
            "0 0 1-15W * *",
            "day-of-month '15W' does not fit here; W goes with one day alone, as in 15W",
            6,
            3,
        ),
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


# --- H ---------------------------------------------------------------------------------------------


def test_h_is_the_same_on_every_machine_and_in_every_version() -> None:
    cron = parse_cron("H H H H H", "ops/backup#default")
    numbers = [cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays]
    assert [numbers_of(mask) for mask in numbers] == [[32], [19], [24], [12], [5]]


def test_h_of_each_schedule_spreads_over_the_whole_of_its_range() -> None:
    crons = [parse_cron("H H(1-4) H * H(MON-FRI)", f"ops/job-{n}#default") for n in range(1500)]
    assert {number for cron in crons for number in numbers_of(cron.minutes)} == set(range(60))
    assert {number for cron in crons for number in numbers_of(cron.hours)} == set(range(1, 5))
    assert {number for cron in crons for number in numbers_of(cron.days)} == set(range(1, 29))
    assert {number for cron in crons for number in numbers_of(cron.weekdays)} == set(range(1, 6))


@pytest.mark.parametrize(
    ("item", "distance", "first", "last"),
    [("H/15", 15, 0, 59), ("H(10-39)/7", 7, 10, 39), ("H(0-4)/30", 30, 0, 4)],
)
def test_h_with_a_step_begins_anywhere_within_the_first_step(
    item: str, distance: int, first: int, last: int
) -> None:
    starts = set()
    for n in range(300):
        numbers = numbers_of(parse_cron(f"{item} * * * *", f"ops/job-{n}#default").minutes)
        assert numbers == list(range(numbers[0], last + 1, distance))
        starts.add(numbers[0])
    assert starts == set(range(first, min(first + distance, last + 1)))


def test_h_without_a_key_is_made_from_the_text() -> None:
    assert parse_cron("H * * * *") == parse_cron("H * * * *")
    minutes = {parse_cron(f"H * * * {weekday}").minutes for weekday in range(7)}
    assert len(minutes) > 1


def test_h_may_stand_in_a_list_and_in_the_seconds() -> None:
    cron = parse_cron("H 0,H(30-59) * * * *", "ops/backup#default")
    minutes = numbers_of(cron.minutes)
    assert len(numbers_of(cron.seconds)) == 1
    assert minutes[0] == 0
    assert 30 <= minutes[1] <= 59


def test_without_h_the_key_means_nothing() -> None:
    assert parse_cron("0 5 * * THU", "a/b#c") is parse_cron("0 5 * * THU", "a/b#d")


def test_a_fixed_time_by_h_is_a_fixed_time_where_the_clock_is_changed() -> None:
    assert not parse_cron("H 2 * * *").follows_clock_changes
    assert parse_cron("H * * * *").follows_clock_changes


def test_h_in_words_is_what_it_stands_for() -> None:
    timing = make_timing(cron="H 5 * * 1-5", key="ops/backup#default")
    [minute] = numbers_of(parse_cron("H * * * *", "ops/backup#default").minutes)
    assert in_words(timing) == f"at 05:{minute:02} on weekdays (by H), UTC"


@pytest.mark.parametrize(
    ("text", "message", "offset", "width"),
    [
        ("0 H-5 * * *", "hour 'H-5' is not understood; write H, H/5, H(2-9) or H(2-9)/5", 2, 3),
        ("H(7) * * * *", "minute 'H(7)' is not understood; write H, H/5, H(2-9) or H(2-9)/5", 0, 4),
        (
            "0 H(9-2) * * *",
            "hour H(9-2) runs backwards; write the lower number first: H(2-9)",
            2,
            6,
        ),
        ("H(0-60) * * * *", "minute 60 is out of range 0-59", 4, 2),
        ("H/0 * * * *", "minute step /0 is no step; a step is a number from 1", 1, 2),
        (
            "0 0 H(29-31) 2 *",
            "'0 0 H(29-31) 2 *' may come to a day that never is: no such day exists in the months it names",
            4,
            8,
        ),
        (
            "0 0 31 H *",
            "'0 0 31 H *' may come to a day that never is: no such day exists in the months it names",
            4,
            2,
        ),
    ],
)
def test_a_mistake_in_h_is_a_sentence_and_a_place(
    text: str, message: str, offset: int, width: int
) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_cron(text)
    assert (caught.value.message, caught.value.offset, caught.value.width) == (
        message,
        offset,
        width,
    )
