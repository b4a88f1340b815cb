"""`jobrunner explain`: keys from the models, jobs from the files."""

from pathlib import Path

import pytest

from jobrunner.spec.codes.table import CODES
from jobrunner.spec.keys import KEYS
from tests.cli.calling import call


def test_a_key_is_told_for_each_place_where_it_may_stand() -> None:
    told = call("explain", "overlap").stdout
    assert "overlap  in a job\n" in told
    assert "overlap  in dst\n" in told
    assert "form  allow | skip | queue | replace, default skip" in told


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("retry.delay", "in retry"),
        ("schedule.cron", "in a schedule"),
        ("schedules.exclude", "in a schedule"),
        ("calendars.dates", "in a calendar"),
        ("jobs.task", "in a job"),
        ("schedules.nightly.cron", "in a schedule"),
        ("jobs.report.schedule.dst.overlap", "in dst"),
        ("exclude.from", "in a range of days"),
    ],
)
def test_a_key_behind_another_is_told_for_that_place_alone(key: str, place: str) -> None:
    told = call("explain", key).stdout
    assert told.startswith(f"{key.rpartition('.')[2]}  {place}\n")
    assert told.count("form") == 1


def test_templates_take_the_keys_that_a_template_may_have() -> None:
    told = call("explain", "templates").stdout
    assert "extends" in told
    assert "matrix" not in told


def test_a_reference_to_a_secret_is_explained() -> None:
    told = call("explain", "kwargs.secret").stdout
    assert told.startswith("secret  in a reference to a secret\n")
    assert "env:NAME, an environment variable" in told


@pytest.mark.parametrize("key", sorted({key for keys in KEYS.values() for key in keys}))
def test_every_key_of_the_format_is_explained(key: str) -> None:
    assert call("explain", key).exit_code == 0


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("overlp", "Did you mean overlap?"),
        ("crontab", "here write schedule:"),
        ("qqqq", "`jobrunner explain jobs` lists a job's keys, `… schedule` a schedule's."),
        ("solar.delay", "There is no key 'solar.delay'.\n  → jobrunner explain delay\n"),
    ],
)
def test_a_key_that_there_is_not_is_said_so(key: str, hint: str) -> None:
    called = call("explain", key)
    assert (called.exit_code, called.stdout) == (1, "")
    assert hint in called.stderr


def test_a_job_is_told_in_words_with_its_next_times(folder: Path) -> None:
    told = call("explain", "ops/report", folder=folder).stdout
    assert told.startswith("ops/report  jobs.d/ops.yaml:4\n  Writes the report\n")
    assert "#default  at 05:30 every day, Europe/Berlin time\n  next " in told


def test_a_job_without_a_schedule_says_how_it_is_started(folder: Path) -> None:
    assert "`jobrunner run ops/greet`" in call("explain", "ops/greet", folder=folder).stdout


def test_an_address_that_there_is_not_names_the_one_that_was_meant(folder: Path) -> None:
    assert "Did you mean ops/report?" in call("explain", "ops/reprot", folder=folder).stderr


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    called = call("explain", code)
    assert (called.exit_code, called.stderr) == (0, "")
    assert called.stdout.startswith(f"{code}  ")


def test_a_code_is_told_with_a_bad_example_and_the_mended_one() -> None:
    told = call("explain", "e207").stdout
    assert told.startswith("E207  not a duration\n\n  A number and a unit,")
    assert "\n  Not so:\n    jobs:\n      report:\n" in told
    assert told.index("timeout: 30\n") < told.index("  But so:\n") < told.index("timeout: 30m\n")


def test_without_a_word_all_codes_are_listed_under_the_headings_of_the_reference() -> None:
    listed = call("explain").stdout.splitlines()
    assert listed[:2] == ["Files and text", "  E101  the file is not UTF-8"]
    assert [line[2:6] for line in listed if line.startswith("  ")] == list(CODES)


def test_an_origin_is_that_of_a_job() -> None:
    called = call("explain", "--origin")
    assert (called.exit_code, called.stdout) == (64, "")
    assert "--origin needs the address of a job: namespace/job." in called.stderr


def test_a_code_that_there_is_not_names_the_one_that_is_alike() -> None:
    called = call("explain", "E290")
    assert (called.exit_code, called.stdout) == (1, "")
    assert "There is no code E290.\n  → Did you mean E2" in called.stderr
