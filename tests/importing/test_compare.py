"""Crontabs beside their jobs: what differs around a change of the clock is said in words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobrunner.importing.compare import Comparison, compare
from jobrunner.importing.cron_words import cron_times
from jobrunner.importing.entries import Job, Times
from tests.importing.reading import NOW, cron_entries, result_of

BERLIN = "Europe/Berlin"


def comparison_of(cron: str, old_times: Times) -> Comparison:
    """Of a job of this expression with these times of another scheduler."""
    job = Job("crontab:1", cron, "a", {}, {"cron": cron, "timezone": BERLIN}, old_times=old_times)
    return compare(job, "cron/a", "cron", NOW)


def without(left_out: datetime, cron: str) -> Times:
    """All times that cron has but for one."""

    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        return (one for one in cron_times(cron, BERLIN)(start, end) if one != left_out)

    return times


def test_several_skipped_times_are_made_up_for_one_by_one_by_cron() -> None:
    result = result_of(cron_entries("0,30 2 * * * /bin/a", timezone="Europe/Berlin"))
    assert result.jobs[0].comparison.differences == (
        (
            "when the clock is set forward on 28 Mar 2027, cron makes up for each skipped time by a run of "
            "its own, one right after the other; this job runs once"
        ),
    )


def test_the_next_five_of_both_stand_above_the_schedule() -> None:
    text = result_of(cron_entries("30 2 1,2 * * /bin/a", timezone="Europe/Berlin")).text
    assert (
        "    # next, by cron and here: Tue 1 Dec 2026 02:30 CET, Wed 2 Dec 02:30, Fri 1 Jan 2027 02:30, "
        "Sat 2\n"
        "    #   Jan 02:30, Mon 1 Feb 02:30\n"
        '    schedule: {cron: "30 2 1,2 * *", timezone: Europe/Berlin}\n'
    ) in text


def test_what_cannot_be_told_is_said() -> None:
    text = result_of(cron_entries("0 ~ * * * /bin/a")).text
    assert "# next here, while cron's cannot be told: " in text


def test_the_file_is_this() -> None:
    crontab = (
        '# Ours\n\n@reboot /bin/b\nMAILTO=ops\n# Saves it\n0 5 * * 1 /bin/save "all it has" %\\%\n'
    )
    text = result_of(cron_entries(crontab)).text
    assert text.partition("jobs:\n")[2] == (
        "  # | Ours\n"
        "\n"
        "  # NOT A JOB: crontab:3\n"
        "  #   @reboot /bin/b\n"
        "  #   nothing starts with the machine here; start it from the machine's own init, by "
        "`jobrunner run\n"
        "  #   ADDRESS`, or by a schedule.\n"
        "\n"
        "  save-all-it-has:\n"
        "    # crontab:6\n"
        '    #   0 5 * * 1 /bin/save "all it has" %\\%\n'
        "    # - MAILTO=ops: write alerts: to tell somebody when it fails\n"
        "    description: Saves it\n"
        '    command: [/bin/sh, "-c", "printf \'%s\\\\n\' % | (\\n/bin/save \\"all it has\\"\\n)"]\n'
        "    enabled: false\n"
        "    # next, by cron and here: Mon 23 Nov 2026 05:00 UTC, Mon 30 Nov 05:00, Mon 7 Dec 05:00, Mon 14\n"
        "    #   Dec 05:00, Mon 21 Dec 05:00\n"
        '    schedule: {cron: "0 5 * * 1", timezone: UTC}\n'
    )


def test_a_time_more_is_not_the_same() -> None:
    first, second = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    assert not Comparison(ZoneInfo("UTC"), (first,), (first, second), ()).has_same_next
    assert Comparison(ZoneInfo("UTC"), (first,), (first,), ()).has_same_next


def test_of_what_is_due_each_minute_only_the_hours_around_a_change_are_compared() -> None:
    asked: list[datetime] = []

    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        for one in cron_times("* * * * *", BERLIN)(start, end):
            asked.append(one)
            yield one

    assert comparison_of("* * * * *", times).is_same
    assert len(asked) < 1200


def test_of_what_is_due_each_minute_a_difference_in_the_repeated_hour_is_seen() -> None:
    once_only = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)  # the second 02:30
    (told,) = comparison_of("* * * * *", without(once_only, "* * * * *")).differences
    assert told == (
        "when the clock is set back on 31 Oct 2027, this job alone runs at Sun 31 Oct 2027 02:30 CET"
    )


def test_of_what_is_due_seldom_a_difference_is_seen_for_a_day_around_a_change() -> None:
    day_before = datetime(2027, 3, 27, 4, tzinfo=UTC)
    (told,) = comparison_of("0 5 * * *", without(day_before, "0 5 * * *")).differences
    assert told.endswith("this job alone runs at Sat 27 Mar 2027 05:00 CET")


def test_what_is_due_at_the_same_times_is_compared_once() -> None:
    def counted(start: datetime, end: datetime) -> Iterator[datetime]:
        calls.append(end - start)
        return cron_times("17 3 * * *", BERLIN)(start, end)

    calls: list[timedelta] = []
    comparison_of("17 3 * * *", counted)
    before = len(calls)
    comparison_of("17 3 * * *", counted)
    assert before == len(calls)


def test_the_same_lines_ask_the_same_model_of_cron() -> None:
    first, second = cron_entries("0 5 * * * /bin/a\n0 5 * * * /bin/b\n", timezone=BERLIN)
    assert isinstance(first, Job)
    assert isinstance(second, Job)
    assert first.old_times is second.old_times
