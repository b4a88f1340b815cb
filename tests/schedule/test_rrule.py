"""Recurrence rules: what they mean, what is said of those that are wrong, and of those that are
right. `rrule_oracle.py` compares many more with dateutil.
"""

import pickle
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_text import parse_rrule
from jobrunner.schedule.rrule_words import recurrence_in_words

START = datetime(2026, 1, 5, 9, 0)  # noqa: DTZ001  the wall clock, a Monday
INSTANT = timedelta(microseconds=1)
_SHARED = [HealthCheck.function_scoped_fixture]


def _rule(text: str, start: datetime | None = START) -> Recurrence:
    return parse_rrule(text, dtstart=start)


def _times(rule: Recurrence, *, after: datetime = START - INSTANT, most: int = 4) -> list[str]:
    found: list[str] = []
    at = rule.next_wall_time(after)
    while at is not None and len(found) < most:
        found.append(f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00"))
        at = rule.next_wall_time(at)
    return found


# --- What a rule means -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=DAILY", ["2026-01-05 09:00", "2026-01-06 09:00"]),
        ("RRULE:FREQ=DAILY;INTERVAL=10", ["2026-01-05 09:00", "2026-01-15 09:00"]),
        ("freq=weekly;byday=tu,th", ["2026-01-06 09:00", "2026-01-08 09:00"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["2026-01-05 09:00", "2026-01-19 09:00"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", ["2026-01-30 09:00", "2026-02-27 09:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["2026-01-31 09:00", "2026-03-31 09:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["2026-01-31 09:00", "2026-02-28 09:00"]),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            ["2026-01-30 09:00", "2026-02-27 09:00"],
        ),
        ("FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=1", ["2027-07-01 09:00", "2029-01-01 09:00"]),
        ("FREQ=YEARLY", ["2026-01-05 09:00", "2027-01-05 09:00"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["2026-05-18 09:00", "2027-05-17 09:00"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", ["2027-01-01 09:00", "2032-12-31 09:00"]),
        ("FREQ=YEARLY;BYYEARDAY=-1,100", ["2026-04-10 09:00", "2026-12-31 09:00"]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=1TU,MO", ["2026-11-02 09:00", "2026-11-03 09:00"]),
        ("FREQ=DAILY;BYHOUR=6,18;BYMINUTE=30", ["2026-01-05 18:30", "2026-01-06 06:30"]),
        ("FREQ=DAILY;BYHOUR=6,12,18;BYSETPOS=-1", ["2026-01-05 18:00", "2026-01-06 18:00"]),
        ("FREQ=HOURLY;INTERVAL=5", ["2026-01-05 09:00", "2026-01-05 14:00"]),
        ("FREQ=HOURLY;BYMINUTE=0,20,40;BYSETPOS=2", ["2026-01-05 09:20", "2026-01-05 10:20"]),
        ("FREQ=MINUTELY;INTERVAL=90", ["2026-01-05 09:00", "2026-01-05 10:30"]),
        ("FREQ=SECONDLY;INTERVAL=50;BYSECOND=30", ["2026-01-05 09:02:30", "2026-01-05 09:07:30"]),
    ],
)
def test_each_part_means_what_the_rfc_says(text: str, expected: list[str]) -> None:
    assert _times(_rule(text), most=2) == expected


def test_the_start_is_a_time_of_the_rule_only_if_it_matches() -> None:
    assert _times(_rule("FREQ=WEEKLY;BYDAY=TU;COUNT=1")) == ["2026-01-06 09:00"]


def test_the_week_start_decides_which_days_make_a_week() -> None:
    tuesday = datetime(1997, 8, 5, 9)  # noqa: DTZ001
    of_monday = _rule("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", tuesday)
    of_sunday = _rule("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", tuesday)
    assert [at[8:10] for at in _times(of_monday, after=tuesday - INSTANT)] == [
        "05",
        "10",
        "19",
        "24",
    ]
    assert [at[8:10] for at in _times(of_sunday, after=tuesday - INSTANT)] == [
        "05",
        "17",
        "19",
        "31",
    ]


def test_the_first_week_has_its_positions_from_its_beginning() -> None:
    thursday = datetime(2026, 1, 8, 9)  # noqa: DTZ001
    rule = _rule("FREQ=WEEKLY;BYDAY=MO,TH,FR;BYSETPOS=2", thursday)
    assert _times(rule, most=2) == ["2026-01-08 09:00", "2026-01-15 09:00"]


def test_count_counts_what_exdate_removes_and_not_what_rdate_adds() -> None:
    rule = parse_rrule(
        "FREQ=DAILY;COUNT=3",
        dtstart=START,
        exdate=(START + timedelta(days=1),),
        rdate=(START + timedelta(hours=1), START + timedelta(days=9)),
    )
    assert _times(rule) == [
        "2026-01-05 09:00",
        "2026-01-05 10:00",
        "2026-01-07 09:00",
        "2026-01-14 09:00",
    ]


def test_a_date_that_is_added_and_removed_is_removed() -> None:
    extra = START + timedelta(hours=1)
    rule = parse_rrule("FREQ=DAILY;COUNT=1", dtstart=START, exdate=(extra,), rdate=(extra,))
    assert _times(rule) == ["2026-01-05 09:00"]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260107", "2026-01-07 09:00"),
        ("20260107T090000", "2026-01-07 09:00"),
        ("20260107T085959", "2026-01-06 09:00"),
    ],
)
def test_until_is_inclusive_and_a_date_includes_its_day(until: str, last: str) -> None:
    assert _times(_rule(f"FREQ=DAILY;UNTIL={until}"))[-1] == last


def test_an_until_in_utc_is_handed_on_to_who_knows_the_zone() -> None:
    rule = _rule("FREQ=DAILY;UNTIL=20260107T090000Z")
    assert rule.until_utc == datetime(2026, 1, 7, 9, tzinfo=UTC)
    assert len(_times(rule)) == 4


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("FREQ=DAILY;BYHOUR=0,1,2,3", False),
        ("FREQ=HOURLY", True),
        ("FREQ=HOURLY;BYHOUR=2", False),
        ("FREQ=MINUTELY;INTERVAL=15", True),
        ("FREQ=SECONDLY;BYHOUR=2,3", False),
    ],
)
def test_only_a_rule_without_hours_follows_the_changes_of_the_clock(
    text: str, *, follows: bool
) -> None:
    assert _rule(text).follows_clock_changes is follows


def test_without_a_start_a_rule_runs_at_midnight_or_on_the_full_minute() -> None:
    assert _times(_rule("FREQ=WEEKLY;BYDAY=FR", None), most=1) == ["2026-01-09 00:00"]
    assert _times(_rule("FREQ=HOURLY", None), most=1) == ["2026-01-05 09:00"]


def test_a_rare_time_is_found_however_far_it_is() -> None:
    rule = _rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU")
    assert _times(rule, after=datetime(2088, 3, 1), most=1) == ["2128-02-29 09:00"]  # noqa: DTZ001
    drifting = _rule("FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=0;BYSECOND=0")
    assert _times(drifting, most=2) == ["2085-02-24 03:00", "2321-09-15 03:00"]


def test_the_end_of_the_calendar_is_the_end_of_the_rule() -> None:
    assert _rule("FREQ=YEARLY").next_wall_time(datetime(9998, 6, 1)) is None  # noqa: DTZ001
    assert _rule("FREQ=SECONDLY").next_wall_time(datetime(9999, 12, 31)) is None  # noqa: DTZ001


def test_the_text_of_a_rule_is_in_capitals_and_without_its_prefix() -> None:
    rule = _rule("rrule: freq=Daily; byhour = 6, 18")
    assert rule.text == "FREQ=DAILY;BYHOUR=6,18"
    assert rule == _rule("FREQ=DAILY;BYHOUR=6,18")
    assert rule != _rule("FREQ=DAILY;BYHOUR=6,18", START + timedelta(days=1))


# --- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "part"),
    [
        ("FREQ=DAYLY", "FREQ=DAYLY is not known; did you mean DAILY?", "FREQ=DAYLY"),
        ("INTERVAL=2", "a recurrence rule needs FREQ; write one of YEARLY, MONTHLY", ""),
        (
            "FREQ=DAILY;BYHOURS=3",
            "'BYHOURS' is no part of a recurrence rule; did you mean BYHOUR",
            "BYHOURS=3",
        ),
        ("FREQ=DAILY;;COUNT=1", "a ';' stands between two parts and nowhere else; remove it", ";"),
        ("FREQ=DAILY;", "a ';' stands between two parts and nowhere else; remove it", ";"),
        ("RRULE: ", "the recurrence rule is empty; write for example FREQ=DAILY", ""),
        ("FREQ=DAILY;COUNT", "'COUNT' has no value; a part is written NAME=VALUE", "COUNT"),
        ("FREQ=DAILY;COUNT=1;COUNT=2", "COUNT stands twice", "COUNT=2"),
        ("FREQ=DAILY;COUNT=0", "COUNT 0 is out of range 1 to 10,000", "COUNT=0"),
        ("FREQ=DAILY;COUNT=10001", "1 to 10,000; end it by UNTIL", "COUNT=10001"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL -1 is out of range", "INTERVAL=-1"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR 24 is out of range 0-23", "BYHOUR=24"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND 60 is out of range 0-59", "BYSECOND=60"),
        ("FREQ=DAILY;BYHOUR=x", "BYHOUR 'X' is no number; write 0-23", "BYHOUR=x"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "BYMONTHDAY 0 is out of range 1 to 31 or -1 to -31",
            "BYMONTHDAY=0",
        ),
        ("FREQ=DAILY;BYDAY=MON", "BYDAY 'MON' is no day; write MO to SU", "BYDAY=MON"),
        ("FREQ=DAILY;WKST=1", "WKST '1' is no day", "WKST=1"),
        (
            "FREQ=DAILY;UNTIL=20260631",
            "UNTIL 20260631 is no time; write 20261231",
            "UNTIL=20260631",
        ),
        ("FREQ=DAILY;UNTIL=20250101", "UNTIL lies before the first time", "UNTIL=20250101"),
        (
            "FREQ=DAILY;COUNT=2;UNTIL=20270101",
            "COUNT and UNTIL exclude each other",
            "UNTIL=20270101",
        ),
        (
            "FREQ=YEARLY;BYEASTER=1",
            "BYEASTER is not in RFC 5545; list such dates under the key 'rdate'",
            "BYEASTER=1",
        ),
        ("FREQ=DAILY;X-A=1", "X-A is not in RFC 5545", "X-A=1"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY with a number does not go with FREQ=DAILY", "BYDAY=1MO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "no month has more than 5 of a weekday", "BYDAY=6MO"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY 54MO is out of range", "BYDAY=54MO"),
        (
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO",
            "BYDAY with a number does not go with BYWEEKNO",
            "BYDAY=1MO",
        ),
        (
            "FREQ=YEARLY;BYWEEKNO=1",
            "BYWEEKNO without a day means one day to some programs",
            "BYWEEKNO=1",
        ),
        ("FREQ=MONTHLY;BYWEEKNO=1;BYDAY=MO", "BYWEEKNO goes with FREQ=YEARLY only", "BYWEEKNO=1"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY does not go with FREQ=MONTHLY", "BYYEARDAY=1"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY", "BYMONTHDAY=1"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS picks from the days and times", "BYSETPOS=1"),
        ("FREQ=DAILY\nDTSTART:20260101", "write it as the key 'dtstart'", "DTSTART:20260101"),
        ("EXDATE:20260101\nRRULE:FREQ=DAILY", "write it as the key 'exdate'", "EXDATE:20260101"),
        (
            "FREQ=DAILY;INTERVAL=99999999",
            "comes round to the same days and times only after",
            "INTERVAL=99999999",
        ),
    ],
)
def test_a_mistake_is_a_sentence_and_a_place(text: str, message: str, part: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        _rule(text)
    assert message in caught.value.message
    offset = caught.value.offset or 0
    assert text[offset : offset + caught.value.width].startswith(part)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=1",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;INTERVAL=24;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=MONTHLY;BYMONTHDAY=29,30,31;BYDAY=MO;BYSETPOS=2",
        "FREQ=MONTHLY;INTERVAL=9;BYMONTHDAY=-1;BYDAY=SU;BYSETPOS=2",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3",
        "FREQ=SECONDLY;BYSECOND=1;BYSETPOS=2",
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=0;BYSECOND=0;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_a_rule_that_can_never_match_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="can never match"):
        _rule(text)


@pytest.mark.parametrize(
    "text", ["FREQ=WEEKLY", "FREQ=YEARLY;BYMONTH=3", "FREQ=DAILY;COUNT=2", "FREQ=HOURLY;INTERVAL=2"]
)
def test_a_rule_that_needs_a_start_says_so(text: str) -> None:
    with pytest.raises(ScheduleError, match="write the key 'dtstart'"):
        _rule(text, None)


@pytest.mark.parametrize("text", ["FREQ=DAILY", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"])
def test_a_rule_that_starts_after_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="can never match"):
        _rule(text, datetime(9999, 12, 31, 9))  # noqa: DTZ001  the wall clock


def test_a_wrong_rule_is_told_of_each_time_it_is_read() -> None:
    with pytest.raises(ScheduleError, match="did you mean DAILY") as first:
        _rule("INTERVAL=2;FREQ=DAYLY")
    with pytest.raises(ScheduleError, match="did you mean DAILY") as second:
        _rule("INTERVAL=2;FREQ=DAYLY")
    assert (first.value.offset, first.value.width) == (second.value.offset, second.value.width)
    assert len(first.traceback) == len(second.traceback)


@pytest.mark.parametrize("text", ["", ";", "=", "RRULE:", "FREQ=", "FREQ=DAILY\x00", "A" * 5000])
def test_text_that_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        _rule(text)


# --- Random rules ----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_dateutil_agrees_or_the_rfc_proves_it_wrong(
    rrule_oracle: ModuleType, source: random.Random
) -> None:
    case = rrule_oracle.random_case(source)
    assert rrule_oracle.verdict(case) in {"same", "refused", "refuted", "slow"}


@settings(max_examples=100, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False), permille=st.integers(0, 999))
def test_no_time_lies_between_a_time_and_its_next_time(
    rrule_oracle: ModuleType, source: random.Random, permille: int
) -> None:
    case = rrule_oracle.random_case(source)
    times = rrule_oracle.answer(case)
    assume(times is not None and len(times) > 0)
    rule = parse_rrule(case.text, dtstart=case.dtstart, exdate=case.exdate, rdate=case.rdate)
    assert times[0] > case.after
    between = case.after + (times[0] - case.after) // 1000 * permille
    assert rule.next_wall_time(between) == times[0]


@settings(max_examples=100, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False), count=st.integers(1, 200))
def test_a_rule_with_a_count_ends_after_as_many_times(
    rrule_oracle: ModuleType, source: random.Random, count: int
) -> None:
    case = rrule_oracle.random_case(source)
    assume("COUNT" not in case.text and "UNTIL" not in case.text)
    assume(rrule_oracle.answer(case) is not None)
    rule = parse_rrule(f"{case.text};COUNT={count}", dtstart=case.dtstart)
    times = _times(rule, after=case.dtstart - INSTANT, most=count + 1)
    assert len(times) == count or times[-1] > "9000"


# --- Rules that are seldom met ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("FREQ=DAILY;COUNT=9000", datetime(2050, 8, 26, 9)),  # noqa: DTZ001
        ("FREQ=WEEKLY;BYDAY=TU,FR;BYHOUR=6,18;COUNT=9999", datetime(2073, 12, 1, 6)),  # noqa: DTZ001
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=100", datetime(2436, 2, 29, 9)),  # noqa: DTZ001
        ("FREQ=HOURLY;INTERVAL=5;COUNT=10000", datetime(2031, 9, 19, 12)),  # noqa: DTZ001
        ("FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1;COUNT=1000", datetime(2109, 4, 29, 9)),  # noqa: DTZ001
    ],
)
def test_a_large_count_ends_at_its_last_time(text: str, last: datetime) -> None:
    rule = _rule(text)
    assert rule.next_wall_time(last - INSTANT) == last
    assert rule.next_wall_time(last) is None


@settings(max_examples=40, deadline=None)
@given(days=st.integers(30, 3_000), date=st.sampled_from([(2, 29), (3, 1), (12, 31)]))
def test_an_interval_of_days_meets_a_date_as_counting_finds_it(
    days: int, date: tuple[int, int]
) -> None:
    month, day = date
    due = (START + timedelta(days=number) for number in range(0, 2_000_000, days))
    first = next((at for at in due if (at.month, at.day) == date), None)
    assume(first is not None)
    rule = _rule(f"FREQ=DAILY;INTERVAL={days};BYMONTH={month};BYMONTHDAY={day}")
    assert rule.next_wall_time(START - INSTANT) == first


@settings(max_examples=25, deadline=None)
@given(hours=st.integers(25, 1_000))
def test_an_interval_of_hours_meets_a_leap_day_as_counting_finds_it(hours: int) -> None:
    due = (START + timedelta(hours=number) for number in range(0, 8_000_000, hours))
    first = next((at for at in due if (at.month, at.day) == (2, 29)), None)
    assume(first is not None)
    rule = _rule(f"FREQ=HOURLY;INTERVAL={hours};BYMONTH=2;BYMONTHDAY=29")
    assert rule.next_wall_time(START - INSTANT) == first


@pytest.mark.parametrize(
    "text", ["FREQ=DAILY;INTERVAL=99999", "FREQ=SECONDLY;INTERVAL=90001", "FREQ=HOURLY;COUNT=9000"]
)
def test_a_rule_keeps_no_table_of_its_days_and_times(text: str) -> None:
    # A file has room for ten thousand rules, and all are kept while it is checked.
    assert len(pickle.dumps(_rule(text))) < 2_000


# --- In words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=10",
            "every 2 weeks on Monday and Friday at 09:00, 10 times",
        ),
        ("FREQ=DAILY;COUNT=1", "every day at 09:00, once"),
        (
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261231",
            "every week on weekdays at 09:00, until the end of 2026-12-31",
        ),
        ("FREQ=DAILY;UNTIL=20261231T080000Z", "every day at 09:00, until 2026-12-31 08:00 UTC"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday of the month at 09:00"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
            "every month on the 13th of the month, if that is Friday at 09:00",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
            "every month on the 1st, 15th and last of the month at 09:00",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "every month on weekdays at 09:00, of these only the last in each month",
        ),
        ("FREQ=YEARLY", "every year on the 5th of January at 09:00"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "every year on the 2nd Sunday of March at 09:00"),
        (
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;WKST=SU",
            "every year on Monday in the 20th week of the year at 09:00, weeks beginning on Sunday",
        ),
        ("FREQ=HOURLY;INTERVAL=6", "every 6 hours at minute 0"),
        (
            "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11,12;BYMONTH=1",
            "every 15 minutes in January at hours 9-12",
        ),
    ],
)
def test_a_rule_in_words(text: str, words: str) -> None:
    assert recurrence_in_words(_rule(text)).replace(", from 2026-01-05 09:00", "") == words


def test_a_start_is_told_before_the_end() -> None:
    words = recurrence_in_words(_rule("FREQ=DAILY;COUNT=3"))
    assert words == "every day at 09:00, from 2026-01-05 09:00, 3 times"


def test_a_rule_without_a_start_has_none_in_words() -> None:
    assert recurrence_in_words(_rule("FREQ=DAILY;BYHOUR=6", None)) == "every day at 06:00"


def test_other_dates_are_named() -> None:
    added = START + timedelta(hours=3)
    rule = parse_rrule("FREQ=DAILY", dtstart=START, exdate=(START,), rdate=(added,))
    assert recurrence_in_words(rule).endswith(
        ", except 2026-01-05 09:00, and also 2026-01-05 12:00"
    )


def test_many_other_dates_are_counted() -> None:
    dates = tuple(START + timedelta(days=day) for day in range(7))
    words = recurrence_in_words(parse_rrule("FREQ=DAILY", dtstart=START, exdate=dates))
    assert words.endswith(", except 7 times from 2026-01-05 09:00 to 2026-01-11 09:00")


@settings(max_examples=100, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_a_rule_that_means_something_else_reads_differently(
    rrule_oracle: ModuleType, source: random.Random
) -> None:
    case = rrule_oracle.random_case(source)
    parts = case.text.split(";")
    less = source.choice([part for part in parts if not part.startswith("FREQ")] or parts)
    other = replace(case, text=";".join(part for part in parts if part != less))
    assume(len(parts) > 1)
    times, other_times = rrule_oracle.answer(case), rrule_oracle.answer(other)
    assume(times is not None and other_times is not None and times != other_times)
    words, other_words = (
        recurrence_in_words(parse_rrule(each.text, dtstart=each.dtstart)) for each in (case, other)
    )
    assert words != other_words
