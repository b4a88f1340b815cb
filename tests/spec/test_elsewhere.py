"""What a newcomer writes out of habit, and what is said to it."""

import pytest

from jobrunner.spec.elsewhere import ELSEWHERE
from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.keys import KEYS
from jobrunner.spec.spoken import meant_by_cron
from tests.spec.reading import parse


def advice(text: str, project: str | None = None) -> list[str]:
    return [found.help for found in parse(text, project=project).diagnostics]


def test_no_word_of_elsewhere_is_a_key_of_the_same_place() -> None:
    both = [
        (place, key) for place, words in ELSEWHERE.items() for key in words if key in KEYS[place]
    ]
    assert both == []


@pytest.mark.parametrize("key", ["apiVersion", "kind", "services", "on"])
def test_a_file_of_another_tool_is_shown_what_a_job_file_is(key: str) -> None:
    (told,) = advice(f"{key}: x")
    assert told.startswith("this looks like a ")
    assert told.endswith("write jobs: {nightly: {task: …, schedule: …}}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task: m.f", "it belongs to a job, below its name: jobs: {nightly: {task: …}}"),
        ("nightly: {task: m.f}", "a job stands below 'jobs': jobs: {nightly: {task: …}}"),
        ("notifiers: {}", "it belongs into the project file, jobrunner.yaml"),
    ],
)
def test_a_key_at_the_wrong_height_is_told_where_it_belongs(text: str, told: str) -> None:
    assert advice(text) == [told]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("30.0", "write {every: 30s}"),
        ("'05:30'", 'write {cron: "30 5 * * *"}'),
        ("daily", 'write {cron: "@daily"}'),
        ("every 5 minutes", "write {every: 5m}"),
        ("{every: PT1H30M}", "write '1h30m'"),
        ("{at: '05:30'}", 'for a time of every day write cron: "30 5 * * *"'),
        ("{cron: {minute: 0}}", 'write cron: "30 5 * * *"'),
        ("['0 5 * * *']", 'write schedules: {morning: "0 6 * * *", evening: "0 18 * * *"}: '),
    ],
)
def test_a_schedule_of_another_tool_is_answered_with_ours(schedule: str, told: str) -> None:
    (found,) = advice(f"jobs: {{a: {{task: m.f, schedule: {schedule}}}}}")
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("rate(5 minutes)", "every: 5m"),
        ("@every 90s", "every: 90s"),
        ("crontab(minute=0, hour='*/3')", 'cron: "0 */3 * * *"'),
        ("crontab(hour=7, day_of_week=1)", 'cron: "* 7 * * 1"'),
        ("cron(0 5 * * ? *)", 'cron: "0 5 * * *"'),
        ("CRON_TZ=Asia/Tokyo 0 5 * * *", 'cron: "0 5 * * *", timezone: Asia/Tokyo'),
    ],
)
def test_an_expression_of_another_tool_is_said_with_our_keys(text: str, rule: str) -> None:
    meant = meant_by_cron(text)
    assert meant is not None
    assert meant[1] == rule


@pytest.mark.parametrize("text", ["", "x", "0 5 * *", "24:00", "rate()", "a" * 1_000_000])
def test_what_is_no_idea_of_anybody_is_left_alone(text: str) -> None:
    assert meant_by_cron(text) is None


def test_a_place_with_many_keys_names_the_command_that_lists_them() -> None:
    assert advice("jobs: {a: {task: m.f, qqqq: 1}}") == [
        "a job has no such key; all of them: jobrunner explain jobs"
    ]


@pytest.mark.parametrize(
    ("written", "other"), [("vars", "guards"), ("shell", "schedule"), ("sla", "isolate")]
)
def test_words_that_only_share_letters_are_not_taken_for_each_other(
    written: str, other: str
) -> None:
    assert not did_you_mean(written, (other,))


@pytest.mark.parametrize(
    ("written", "meant"), [("kye", "key"), ("qeue", "queue"), ("timeZone", "timezone")]
)
def test_a_slip_is_taken_for_what_was_meant(written: str, meant: str) -> None:
    assert did_you_mean(written, (meant, "other")) == meant


@pytest.mark.parametrize("key", ["token", "webhook", "urll"])
def test_a_wrong_key_of_a_notifier_does_not_show_what_stands_beside_it(key: str) -> None:
    (found,) = parse(project=f"notifiers: {{a: {{{key}: canary, url: 'https://a.b'}}}}").diagnostics
    assert (found.code, found.source_line) == ("E201", "")


@pytest.mark.parametrize("key", ["cmd", "run", "exec", "bash_command"])
def test_a_program_under_another_name_is_answered_with_command(key: str) -> None:
    missing, unknown = parse(f"jobs: {{a: {{{key}: ls -l}}}}").diagnostics
    assert (missing.message, missing.help) == (
        "'command' is missing",
        "write command: [program, argument]",
    )
    assert unknown.help.startswith("write command: [program, argument], a list of words")
