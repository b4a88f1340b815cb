"""`jobrunner next`, on the files and on bare expressions."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.calling import call

JOBS = """\
version: 1
namespace: ops
jobs:
  report:
    task: app.tasks.report
    schedules:
      day: {cron: "30 5 * * *", timezone: Europe/Berlin}
      often: {every: 10s}
  by-hand:
    task: app.tasks.greet
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    return tmp_path


def test_next_of_an_expression_is_utc_and_local(folder: Path) -> None:
    called = call(
        "next", "--cron", "30 5 * * *", "--timezone", "Europe/Berlin", "-n", "2",
        "--after", "2026-11-21T00:00:00Z", "-o", "json", folder=folder,
    )  # fmt: skip
    assert json.loads(called.stdout) == [
        {
            "utc": "2026-11-21T04:30:00+00:00",
            "local": "2026-11-21T05:30:00+01:00",
            "timezone": "Europe/Berlin",
            "notes": [],
        },
        {
            "utc": "2026-11-22T04:30:00+00:00",
            "local": "2026-11-22T05:30:00+01:00",
            "timezone": "Europe/Berlin",
            "notes": [],
        },
    ]


def test_next_tells_what_a_change_of_the_clock_does(folder: Path) -> None:
    arguments = (
        "next", "--cron", "15 2 * * *", "--timezone", "Europe/Berlin", "-n", "2",
        "--after", "2027-03-27T12:00:00Z",
    )  # fmt: skip
    told = "02:15 does not exist in Europe/Berlin on 28 Mar 2027; runs at 03:00 CEST"
    first, second = json.loads(call(*arguments, "-o", "json", folder=folder).stdout)
    assert (first["notes"], second["notes"]) == ([told], [])
    assert f"note: {told}" in call(*arguments, folder=folder).stdout


def test_next_tells_of_a_time_that_the_clock_takes_away_before_the_first_one(folder: Path) -> None:
    (folder / "jobs.d" / "night.yaml").write_text(
        "version: 1\nnamespace: ops\njobs:\n  night:\n    task: app.tasks.night\n    schedule:"
        ' {cron: "15 2 * * *", timezone: Europe/Berlin, dst: {gap: skip}}\n',
        encoding="utf-8",
    )
    called = call("next", "ops/night", "--after", "2027-03-27T12:00:00Z", folder=folder)
    assert "Sun 28 Mar" not in called.stdout
    told = "02:15 does not exist in Europe/Berlin on 28 Mar 2027; does not run then"
    assert f"note: {told}" in called.stdout


def test_next_of_a_job_merges_its_schedules_in_time(folder: Path) -> None:
    called = call(
        "next", "ops/report", "-n", "3", "--after", "2026-11-21T04:29:45Z", "-o", "json",
        folder=folder,
    )  # fmt: skip
    told = [(one["utc"][11:19], one["schedule"]) for one in json.loads(called.stdout)]
    assert told == [("04:29:50", "often"), ("04:30:00", "day"), ("04:30:00", "often")]


def test_next_of_one_schedule_of_a_job(folder: Path) -> None:
    called = call(
        "next", "ops/report#day", "-n", "1", "--after", "2026-11-21T04:29:45Z", folder=folder
    )
    assert called.exit_code == 0
    assert "at 05:30" in called.stdout
    assert "Sat 21 Nov 2026 05:30:00 CET" in called.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["ops/nothing"], 1, "There is no job ops/nothing in the files."),
        (["ops/reprot"], 1, "Did you mean ops/report?"),
        (["report"], 1, "Did you mean ops/report?"),
        (["ops/zzz"], 1, "There are: ops/by-hand, ops/report."),
        (["nope"], 1, "There are: ops/by-hand, ops/report."),
        (["*/5 * * * *"], 64, "jobrunner next --cron '*/5 * * * *'"),
        (["every 5 minutes"], 64, "jobrunner next --every 5m"),
        (["5min"], 64, "jobrunner next --every 5m"),
        (["FREQ=DAILY"], 64, "jobrunner next --rrule 'FREQ=DAILY'"),
        (["--rrule", "FREQ=DAYLY"], 1, "did you mean DAILY?\n"),
        (["--rrule", "0 5 * * *"], 1, "  → jobrunner next --cron '0 5 * * *'\n"),
        (["--cron", "5 min"], 1, "  → jobrunner next --every 5m\n"),
        (["--every", "FREQ=DAILY"], 1, "  → jobrunner next --rrule 'FREQ=DAILY'\n"),
        (["--rrule", "FREQ=DAILY", "--cron", "@daily"], 64, "exactly one of ADDRESS"),
        (["--rrule", "FREQ=DAILY", "--dtstart", "soon"], 1, "'soon' is no timestamp"),
        (["--every", "1h", "--dtstart", "2026-01-01"], 64, "--dtstart is where --rrule counts"),
        (["ops/report#nothing"], 1, "no schedule #nothing.\n  → It has: #day, #often.\n"),
        ([], 64, "exactly one of ADDRESS"),
        (["--cron", "61 * * * *"], 1, "out of range 0-59.\n"),
        (["--every", "0s"], 1, "at least one second"),
        (["--every", "10"], 1, "is no duration"),
        (["--every", "1h", "--timezone", "Europe/Berlim"], 1, "Europe/Berlim"),
        (["--every", "1h", "--after", "yesterday"], 64, "no timestamp"),
        (["--every", "1h", "--after", "2026-11-21"], 64, "Write 2026-11-21T00:00:00Z, or"),
        (["--every", "1h", "--after", "0001-01-01T00:00+14:00"], 64, "not between 1900 and 9998"),
    ],
)
def test_what_next_cannot_answer_is_a_sentence(
    folder: Path, arguments: list[str], exit_code: int, told: str
) -> None:
    called = call("next", *arguments, folder=folder)
    assert (called.exit_code, called.stdout) == (exit_code, "")
    assert told in called.stderr


def test_where_nobody_can_guess_the_option_none_is_named(folder: Path) -> None:
    assert "→" not in call("next", "--every", "10", folder=folder).stderr


def test_a_job_without_a_schedule_is_told_to_be_run_by_hand_and_nothing_else(folder: Path) -> None:
    called = call("next", "ops/by-hand", folder=folder)
    told = "ops/by-hand has no schedule; start it with `jobrunner run ops/by-hand`.\n"
    assert (called.exit_code, called.stdout, called.stderr) == (0, "", told)


def test_a_job_without_a_schedule_says_how_to_start_it(folder: Path) -> None:
    called = call("next", "ops/by-hand", folder=folder)
    assert called.exit_code == 0
    assert "jobrunner run ops/by-hand" in called.stderr


def test_a_schedule_that_is_off_is_shown_only_when_asked_for(folder: Path) -> None:
    jobs = JOBS + "    schedules: {off: {cron: '@daily', enabled: false}, on: '@yearly'}\n"
    (folder / "jobs.d" / "ops.yaml").write_text(jobs, encoding="utf-8")
    called = call("next", "ops/by-hand", "-n", "2", folder=folder)
    assert "every day" not in called.stdout
    assert "ops/by-hand#off is not enabled" in called.stderr
    assert "every day" in call("next", "ops/by-hand#off", folder=folder).stdout


def test_next_of_a_recurrence_rule_counts_from_its_start(folder: Path) -> None:
    called = call(
        "next", "--rrule", "FREQ=WEEKLY;INTERVAL=2", "--dtstart", "2026-01-05T09:00", "--timezone",
        "Europe/Berlin", "--after", "2026-03-20T00:00:00Z", "-n", "2", "-o", "json", folder=folder,
    )  # fmt: skip
    assert [one["local"] for one in json.loads(called.stdout)] == [
        "2026-03-30T09:00:00+02:00",
        "2026-04-13T09:00:00+02:00",
    ]
    assert called.stderr == ""


def test_next_of_a_recurrence_rule_without_a_start_counts_from_after_and_says_so(
    folder: Path,
) -> None:
    arguments = ("next", "--rrule", "FREQ=DAILY", "--after", "2026-03-20T09:30:00Z", "-n", "1")
    told = "note: counted from Fri 20 Mar 2026 09:30:00 UTC"
    as_json = call(*arguments, "-o", "json", folder=folder)
    assert json.loads(as_json.stdout)[0]["utc"] == "2026-03-21T09:30:00+00:00"
    assert told in as_json.stderr
    assert told in call(*arguments, folder=folder).stdout


def test_a_recurrence_rule_whose_start_does_not_matter_has_no_note(folder: Path) -> None:
    rule = "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0"
    called = call("next", "--rrule", rule, folder=folder)
    assert called.stdout.startswith("every day at 09:00, UTC\n")
    assert "note" not in called.stdout


RARE = """\
namespace: ops
jobs:
  rare:
    task: app.tasks.rare
    schedules:
      day: {cron: "0 9 * * *", exclude: [2026-12-24/2026-12-26, 2027-05-01], max_runs: 3}
      hashed: {cron: "H H * * *"}
"""


@pytest.fixture
def rare(folder: Path) -> Path:
    """A project whose schedules have more to say."""
    (folder / "jobs.d" / "rare.yaml").write_text(RARE, encoding="utf-8")
    return folder


def test_next_tells_the_days_that_were_passed_over_and_no_others(rare: Path) -> None:
    called = call("next", "ops/rare#day", "--after", "2026-12-22T12:00:00Z", "-n", "2", folder=rare)
    assert "Wed 23 Dec 2026" in called.stdout
    assert "Sun 27 Dec 2026" in called.stdout
    assert "note: passed over by exclude: 2026-12-24 to 2026-12-26\n" in called.stdout


def test_next_shows_no_more_runs_than_there_can_be_and_what_it_cannot_know(rare: Path) -> None:
    called = call("next", "ops/rare#day", "-n", "9", "-o", "json", folder=rare)
    assert len(json.loads(called.stdout)) == 3
    assert "note: max_runs ends it after 3" in called.stderr
    assert "only the database knows how many are left" in called.stderr


def test_a_note_names_its_schedule_where_there_are_several(rare: Path) -> None:
    called = call("next", "ops/rare", "-n", "1", folder=rare)
    assert "note: #day: max_runs ends it after 3" in called.stdout


def test_next_shows_a_hash_as_the_time_it_stands_for(rare: Path) -> None:
    called = call("next", "ops/rare#hashed", "-n", "1", folder=rare)
    assert re.match(r"#hashed  at \d\d:\d\d every day \(by H\), UTC\n", called.stdout)


def test_next_says_that_a_bare_hash_is_another_in_a_file(folder: Path) -> None:
    called = call("next", "--cron", "H H * * *", folder=folder)
    assert "in a file from the schedule's name" in called.stdout
