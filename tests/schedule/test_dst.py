"""`dst` of a schedule, written out: what each policy does with a skipped and with a repeated time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule import (
    ClockChange,
    Cron,
    Recurrence,
    Timing,
    clock_changes,
    clock_effects,
    in_words,
    make_timing,
    times_between,
)

YEAR = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))

HOURLY = {"rrule": "FREQ=HOURLY;BYMINUTE=15"}

GAPS = [  # zone, from, rule; the times as Debian does it, with run_after, with skip
    ("Europe/Berlin", "2027-03-28T00:00Z", {"cron": "15 2 * * *"}, "03:00+0200", "03:00+0200", ""),
    ("Europe/Berlin", "2027-03-28T00:00Z", {"cron": "*/30 2 * * *"}, "", "03:00+0200", ""),
    (
        "Europe/Berlin",
        "2027-03-28T00:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=15"},
        "03:00+0200",
        "03:00+0200",
        "",
    ),
    (
        "Europe/Berlin",
        "2027-03-28T00:00Z",
        HOURLY,
        "01:15+0100 03:15+0200 04:15+0200",
        "01:15+0100 03:00+0200 03:15+0200 04:15+0200",
        "01:15+0100 03:15+0200 04:15+0200",
    ),
    (
        "America/New_York",
        "2027-03-14T06:00Z",
        {"cron": "15 2 * * *"},
        "03:00-0400",
        "03:00-0400",
        "",
    ),
    ("America/New_York", "2027-03-14T06:00Z", {"cron": "*/30 2 * * *"}, "", "03:00-0400", ""),
    (
        "America/New_York",
        "2027-03-14T06:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=15"},
        "03:00-0400",
        "03:00-0400",
        "",
    ),
    (
        "America/New_York",
        "2027-03-14T06:00Z",
        HOURLY,
        "01:15-0500 03:15-0400 04:15-0400",
        "01:15-0500 03:00-0400 03:15-0400 04:15-0400",
        "01:15-0500 03:15-0400 04:15-0400",
    ),
    (
        "Australia/Lord_Howe",
        "2026-10-03T14:00Z",
        {"cron": "15 2 * * *"},
        "02:30+1100",
        "02:30+1100",
        "",
    ),
    (
        "Australia/Lord_Howe",
        "2026-10-03T14:00Z",
        {"cron": "*/10 2 * * *"},
        "02:30+1100 02:40+1100 02:50+1100",
        "02:30+1100 02:40+1100 02:50+1100",
        "02:30+1100 02:40+1100 02:50+1100",
    ),
    (
        "Australia/Lord_Howe",
        "2026-10-03T14:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=15"},
        "02:30+1100",
        "02:30+1100",
        "",
    ),
    (
        "Australia/Lord_Howe",
        "2026-10-03T14:00Z",
        HOURLY,
        "01:15+1030 03:15+1100",
        "01:15+1030 02:30+1100 03:15+1100",
        "01:15+1030 03:15+1100",
    ),
    (
        "America/Santiago",
        "2027-09-05T03:00Z",
        {"cron": "15 0 * * *"},
        "01:00-0300",
        "01:00-0300",
        "",
    ),
    ("America/Santiago", "2027-09-05T03:00Z", {"cron": "*/30 0 * * *"}, "", "01:00-0300", ""),
    (
        "America/Santiago",
        "2027-09-05T03:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=0;BYMINUTE=15"},
        "01:00-0300",
        "01:00-0300",
        "",
    ),
    (
        "America/Santiago",
        "2027-09-05T03:00Z",
        HOURLY,
        "23:15-0400 01:15-0300 02:15-0300",
        "23:15-0400 01:00-0300 01:15-0300 02:15-0300",
        "23:15-0400 01:15-0300 02:15-0300",
    ),
    (
        "Antarctica/Troll",
        "2027-03-28T00:00Z",
        {"cron": "15 1,2 * * *"},
        "03:00+0200",
        "03:00+0200",
        "",
    ),
    ("Antarctica/Troll", "2027-03-28T00:00Z", {"cron": "*/45 1,2 * * *"}, "", "03:00+0200", ""),
    (
        "Antarctica/Troll",
        "2027-03-28T00:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=15"},
        "03:00+0200",
        "03:00+0200",
        "",
    ),
    (
        "Antarctica/Troll",
        "2027-03-28T00:00Z",
        HOURLY,
        "00:15+0000 03:15+0200 04:15+0200",
        "00:15+0000 03:00+0200 03:15+0200 04:15+0200",
        "00:15+0000 03:15+0200 04:15+0200",
    ),
]

OVERLAPS = [  # zone, from, rule; the times as Debian does it, with first, with both
    (
        "Europe/Berlin",
        "2027-10-30T23:30Z",
        {"cron": "15 2 * * *"},
        "02:15+0200",
        "02:15+0200",
        "02:15+0200 02:15+0100",
    ),
    (
        "Europe/Berlin",
        "2027-10-30T23:30Z",
        {"cron": "*/30 2 * * *"},
        "02:00+0200 02:30+0200 02:00+0100 02:30+0100",
        "02:00+0200 02:30+0200",
        "02:00+0200 02:30+0200 02:00+0100 02:30+0100",
    ),
    (
        "Europe/Berlin",
        "2027-10-30T23:30Z",
        {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=15"},
        "02:15+0200",
        "02:15+0200",
        "02:15+0200 02:15+0100",
    ),
    (
        "Europe/Berlin",
        "2027-10-30T23:30Z",
        HOURLY,
        "02:15+0200 02:15+0100 03:15+0100 04:15+0100",
        "02:15+0200 03:15+0100 04:15+0100",
        "02:15+0200 02:15+0100 03:15+0100 04:15+0100",
    ),
    (
        "America/New_York",
        "2027-11-07T04:30Z",
        {"cron": "15 1 * * *"},
        "01:15-0400",
        "01:15-0400",
        "01:15-0400 01:15-0500",
    ),
    (
        "America/New_York",
        "2027-11-07T04:30Z",
        {"cron": "*/30 1 * * *"},
        "01:00-0400 01:30-0400 01:00-0500 01:30-0500",
        "01:00-0400 01:30-0400",
        "01:00-0400 01:30-0400 01:00-0500 01:30-0500",
    ),
    (
        "America/New_York",
        "2027-11-07T04:30Z",
        {"rrule": "FREQ=DAILY;BYHOUR=1;BYMINUTE=15"},
        "01:15-0400",
        "01:15-0400",
        "01:15-0400 01:15-0500",
    ),
    (
        "America/New_York",
        "2027-11-07T04:30Z",
        HOURLY,
        "01:15-0400 01:15-0500 02:15-0500 03:15-0500",
        "01:15-0400 02:15-0500 03:15-0500",
        "01:15-0400 01:15-0500 02:15-0500 03:15-0500",
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-03T14:00Z",
        {"cron": "45 1 * * *"},
        "01:45+1100",
        "01:45+1100",
        "01:45+1100 01:45+1030",
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-03T14:00Z",
        {"cron": "*/15 1 * * *"},
        "01:00+1100 01:15+1100 01:30+1100 01:45+1100 01:30+1030 01:45+1030",
        "01:00+1100 01:15+1100 01:30+1100 01:45+1100",
        "01:00+1100 01:15+1100 01:30+1100 01:45+1100 01:30+1030 01:45+1030",
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-03T14:00Z",
        {"rrule": "FREQ=DAILY;BYHOUR=1;BYMINUTE=45"},
        "01:45+1100",
        "01:45+1100",
        "01:45+1100 01:45+1030",
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-03T14:00Z",
        HOURLY,
        "01:15+1100 02:15+1030 03:15+1030 04:15+1030",
        "01:15+1100 02:15+1030 03:15+1030 04:15+1030",
        "01:15+1100 02:15+1030 03:15+1030 04:15+1030",
    ),
    (
        "America/Santiago",
        "2027-04-04T01:30Z",
        {"cron": "15 23 * * *"},
        "23:15-0300",
        "23:15-0300",
        "23:15-0300 23:15-0400",
    ),
    (
        "America/Santiago",
        "2027-04-04T01:30Z",
        {"cron": "*/30 23 * * *"},
        "23:00-0300 23:30-0300 23:00-0400 23:30-0400",
        "23:00-0300 23:30-0300",
        "23:00-0300 23:30-0300 23:00-0400 23:30-0400",
    ),
    (
        "America/Santiago",
        "2027-04-04T01:30Z",
        {"rrule": "FREQ=DAILY;BYHOUR=23;BYMINUTE=15"},
        "23:15-0300",
        "23:15-0300",
        "23:15-0300 23:15-0400",
    ),
    (
        "America/Santiago",
        "2027-04-04T01:30Z",
        HOURLY,
        "23:15-0300 23:15-0400 00:15-0400 01:15-0400",
        "23:15-0300 00:15-0400 01:15-0400",
        "23:15-0300 23:15-0400 00:15-0400 01:15-0400",
    ),
    (
        "Antarctica/Troll",
        "2027-10-30T22:30Z",
        {"cron": "15 1,2 * * *"},
        "01:15+0200 02:15+0200",
        "01:15+0200 02:15+0200",
        "01:15+0200 02:15+0200 01:15+0000 02:15+0000",
    ),
    (
        "Antarctica/Troll",
        "2027-10-30T22:30Z",
        {"cron": "*/45 1,2 * * *"},
        "01:00+0200 01:45+0200 02:00+0200 02:45+0200 01:00+0000 01:45+0000 02:00+0000",
        "01:00+0200 01:45+0200 02:00+0200 02:45+0200",
        "01:00+0200 01:45+0200 02:00+0200 02:45+0200 01:00+0000 01:45+0000 02:00+0000",
    ),
    (
        "Antarctica/Troll",
        "2027-10-30T22:30Z",
        {"rrule": "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=15"},
        "01:15+0200 02:15+0200",
        "01:15+0200 02:15+0200",
        "01:15+0200 02:15+0200 01:15+0000 02:15+0000",
    ),
    (
        "Antarctica/Troll",
        "2027-10-30T22:30Z",
        HOURLY,
        "01:15+0200 02:15+0200 01:15+0000 02:15+0000",
        "01:15+0200 02:15+0200",
        "01:15+0200 02:15+0200 01:15+0000 02:15+0000",
    ),
]


def _shown(start: str, hours: int, **fields: Any) -> str:
    timing = make_timing(**fields)
    since = datetime.fromisoformat(start)
    found = times_between(timing, since, since + timedelta(hours=hours))
    return " ".join(f"{at.astimezone(timing.zone):%H:%M%z}" for at in found)


@pytest.mark.parametrize(("zone", "start", "rule", "debian", "run_after", "skip"), GAPS)
def test_a_skipped_time_runs_after_the_gap_or_not_at_all(
    zone: str, start: str, rule: dict[str, str], debian: str, run_after: str, skip: str
) -> None:
    assert _shown(start, 3, timezone=zone, **rule) == debian
    assert _shown(start, 3, timezone=zone, **rule, gap="run_after") == run_after
    assert _shown(start, 3, timezone=zone, **rule, gap="skip") == skip


@pytest.mark.parametrize(("zone", "start", "rule", "debian", "first", "both"), OVERLAPS)
def test_a_repeated_time_runs_the_first_time_or_both(
    zone: str, start: str, rule: dict[str, str], debian: str, first: str, both: str
) -> None:
    assert _shown(start, 4, timezone=zone, **rule) == debian
    assert _shown(start, 4, timezone=zone, **rule, overlap="first") == first
    assert _shown(start, 4, timezone=zone, **rule, overlap="both") == both


@settings(max_examples=400, deadline=None)
@given(
    rule=st.sampled_from(
        [
            {"rrule": "FREQ=MINUTELY;INTERVAL=7", "dtstart": datetime(2001, 1, 1, 0, 3)},  # noqa: DTZ001
            {"rrule": "FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,59", "dtstart": datetime(2001, 1, 1)},  # noqa: DTZ001
            {"rrule": "FREQ=DAILY;BYHOUR=0,1,2;BYMINUTE=0,15,45;BYSETPOS=1,-2"},
            {"rrule": "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0,1,2,3;BYSECOND=0,59"},
            {"cron": "*/11 */10 0-3 * * *"},
            {"cron": "5,35 0-3 * * *"},
        ]
    ),
    zone=st.sampled_from(
        [
            "Europe/Paris",
            "Australia/Lord_Howe",
            "America/Santiago",
            "Africa/Cairo",
            "Antarctica/Troll",
        ]
    ),
    year=st.integers(2001, 2040),
    which=st.integers(0, 3),
    gap=st.sampled_from(["run_after", "skip"]),
    overlap=st.sampled_from(["first", "both"]),
)
def test_the_times_of_a_rule_are_its_times_on_the_wall_clock(
    rule: dict[str, Any], zone: str, year: int, which: int, gap: Any, overlap: Any
) -> None:
    timing = make_timing(**rule, timezone=zone, gap=gap, overlap=overlap)
    changes = clock_changes(timing.zone, year)
    assume(which < len(changes))
    assert list(times_between(timing, *_around(changes[which]))) == _by_wall_clock(
        timing, changes[which]
    )


def _around(change: ClockChange) -> tuple[datetime, datetime]:
    return change.at - timedelta(hours=5), change.at + timedelta(hours=5)


def _by_wall_clock(timing: Timing, change: ClockChange) -> list[datetime]:
    """The times around a change: each match of the wall clock, at the instants that show it."""
    assert isinstance(timing.rule, Cron | Recurrence)
    start, end = _around(change)
    found = set()
    wall = timing.rule.next_wall_time((start - timedelta(days=1)).replace(tzinfo=None))
    while wall is not None and wall < (end + timedelta(days=1)).replace(tzinfo=None):
        folds = [wall.replace(tzinfo=timing.zone, fold=fold) for fold in (0, 1)]
        instants = sorted({one.astimezone(UTC) for one in folds})
        shown = [at for at in instants if at.astimezone(timing.zone).replace(tzinfo=None) == wall]
        found.update(shown if timing.runs_twice else shown[:1])
        if timing.runs_after_gap and not shown:
            found.add(change.at)
        wall = timing.rule.next_wall_time(wall)
    return sorted(at for at in found if start <= at < end)


def test_several_skipped_times_of_a_wildcard_run_once_after_the_gap() -> None:
    minutely = _shown(
        "2027-03-28T00:58Z", 1, cron="*/7 * * * *", timezone="Europe/Berlin", gap="run_after"
    )
    assert minutely.startswith("03:00+0200 03:07+0200")


def test_after_the_last_time_of_all_the_repeated_hour_shows_it_again() -> None:
    fields = {"rrule": "FREQ=HOURLY;UNTIL=20271031T021500;BYMINUTE=15;BYSECOND=0"}
    assert (
        _shown("2027-10-31T00:00Z", 4, **fields, timezone="Europe/Berlin")
        == "02:15+0200 02:15+0100"
    )


def test_an_until_in_utc_is_an_instant_and_ends_no_rdate() -> None:
    timing = make_timing(
        rrule="FREQ=DAILY;UNTIL=20271031T001500Z",
        dtstart=datetime(2027, 10, 29, 2, 15),  # noqa: DTZ001  the wall clock
        rdate=(datetime(2027, 11, 5, 7, 0),),  # noqa: DTZ001
        timezone="Europe/Berlin",
    )
    found = [f"{at.astimezone(timing.zone):%d %H:%M %z}" for at in times_between(timing, *YEAR)]
    assert found == ["29 02:15 +0200", "30 02:15 +0200", "31 02:15 +0200", "05 07:00 +0100"]


def test_times_with_an_offset_are_turned_to_the_clock_of_the_zone() -> None:
    timing = make_timing(
        rrule="FREQ=DAILY;COUNT=2",
        dtstart=datetime(2027, 1, 1, 12, 0, tzinfo=UTC),
        exdate=(datetime(2027, 1, 2, 12, 0, tzinfo=UTC),),
        timezone="Asia/Tokyo",
    )
    assert list(times_between(timing, *YEAR)) == [datetime(2027, 1, 1, 12, 0, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("fields", "outcomes"),
    [
        ({"cron": "15 2 * * *"}, ["runs at 03:00 CEST", "runs the first time only"]),
        ({"cron": "15 2 * * *", "gap": "skip"}, ["does not run then", "runs the first time only"]),
        ({"cron": "15 2 * * *", "overlap": "both"}, ["runs at 03:00 CEST", "runs both times"]),
        ({"cron": "*/20 2 * * *"}, ["does not run then", "runs both times"]),
        ({"cron": "*/20 2 * * *", "gap": "run_after"}, ["runs at 03:00 CEST", "runs both times"]),
        ({"cron": "0 15 2 * * *"}, ["does not run then", "runs both times"]),
        ({"cron": "*/20 * * * *"}, []),
        ({"cron": "*/20 * * * *", "gap": "run_after"}, []),
        ({"cron": "7 * * * *", "gap": "run_after"}, ["runs at 03:00 CEST"]),
        ({"cron": "*/20 * * * *", "overlap": "first"}, ["runs the first time only"]),
        ({"rrule": "FREQ=DAILY;BYHOUR=2"}, ["runs at 03:00 CEST", "runs the first time only"]),
        ({"rrule": "FREQ=HOURLY;BYMINUTE=7"}, []),
        ({"rrule": "FREQ=DAILY;BYHOUR=2;UNTIL=20270601T000000Z"}, ["runs at 03:00 CEST"]),
        ({"cron": "15 2 * * *", "exclude": ("2027-03-28",)}, ["runs the first time only"]),
        ({"every": timedelta(hours=1)}, []),
    ],
)
def test_what_a_change_does_is_said_as_it_will_be(
    fields: dict[str, Any], outcomes: list[str]
) -> None:
    timing = make_timing(timezone="Europe/Berlin", **fields)
    found = [effect.in_words().split("; ")[1] for effect in clock_effects(timing, *YEAR)]
    assert found == outcomes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gap": "run_after", "overlap": "first"}, ""),
        ({"gap": "skip"}, ", a time that the clock skips does not run"),
        ({"overlap": "both"}, ", a time that the clock repeats runs both times"),
    ],
)
def test_words_tell_of_what_debian_would_not_do(fields: dict[str, Any], words: str) -> None:
    assert in_words(make_timing(cron="15 2 * * *", **fields)) == f"at 02:15 every day, UTC{words}"
