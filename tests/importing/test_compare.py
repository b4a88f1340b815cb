"""Crontabs beside their jobs: what differs around a change of the clock is said in words."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobrunner.importing.compare import Comparison
from tests.importing.reading import cron_entries, result_of


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
