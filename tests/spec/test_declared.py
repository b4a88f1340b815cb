"""What a project declares for its jobs to name: notifiers and queues; and what jobs say of them."""

from datetime import timedelta

import pytest

from tests.spec.reading import mistakes, parse, read_job

ONCALL = "notifiers: {oncall: {url: {secret: 'env:ONCALL_URL'}}}\n"


def test_an_alert_is_read_with_single_words_as_lists_of_one() -> None:
    job = read_job("jobs: {a: {task: m.f, alerts: [{when: late, after: 15m, to: oncall}]}}", ONCALL)
    (alert,) = job.alerts
    assert (alert.when, alert.after, alert.to) == (("late",), timedelta(minutes=15), ("oncall",))


def test_the_alerts_of_a_job_replace_those_of_the_defaults() -> None:
    text = (
        "defaults: {alerts: [{when: failure, to: oncall}]}\n"
        "jobs: {a: {task: m.f, alerts: [{when: missed, to: oncall}]}}"
    )
    assert [alert.when for alert in read_job(text, ONCALL).alerts] == [("missed",)]


@pytest.mark.parametrize(
    ("alert", "code", "column"),
    [
        ("failure", "E203", 1),
        ("{when: failure}", "E205", 1),
        ("{to: oncall}", "E205", 1),
        ("{when: failed, to: oncall}", "E204", 8),
        ("{when: failure, to: oncal}", "E220", 21),
        ("{when: failure, to: []}", "E204", 21),
        ("{when: late, to: oncall}", "E205", 8),
        ("{when: too_long, to: oncall}", "E205", 8),
        ("{when: missed, after: 5m, to: oncall}", "E212", 16),
        ("{when: late, after: 5, to: oncall}", "E207", 21),
        ("{on: failure, to: oncall}", "E201", 2),
    ],
)
def test_a_mistake_of_an_alert_is_told_at_its_part(alert: str, code: str, column: int) -> None:
    text = f"jobs:\n  a:\n    task: m.f\n    alerts:\n     -\n{alert:>{len(alert) + 8}}\n"
    assert mistakes(text, project=ONCALL) == [(code, 6, column + 8)]


def test_a_wrong_alert_of_the_defaults_is_told_once() -> None:
    text = "defaults: {alerts: [{when: failure, to: me}]}\njobs: {a: {task: m.f}, b: {task: m.f}}"
    assert mistakes(text, project=ONCALL) == [("E220", 1, 41)]


def test_without_any_notifier_it_is_shown_what_to_add() -> None:
    (found,) = parse("jobs: {a: {task: m.f, alerts: [{when: failure, to: me}]}}").diagnostics
    assert 'notifiers: {me: {url: {secret: "env:NAME"}}}' in found.help


def test_a_notifier_with_a_mistake_is_no_mistake_of_its_alerts() -> None:
    text = "jobs: {a: {task: m.f, alerts: [{when: failure, to: oncall}]}}"
    assert mistakes(text, project="notifiers: {oncall: {uri: x}}") == [("E201", 1, 22)]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/jobs",
        "https://example.com/teams/data-platform-team/alerts",
        "{secret: 'env:ONCALL_URL'}",
        "{secret: 'file:/run/secrets/oncall'}",
    ],
)
def test_an_address_that_everybody_may_know_is_no_warning(url: str) -> None:
    assert mistakes(project=f"notifiers: {{a: {{url: {url}}}}}") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://me:canary@example.com/",
        "https://canary@example.com/",
        "slack://canary/b/c",
        "https://example.com/in?key=c4n4ryc4n4ryc4n4ry",
        "https://hooks.example.com/T0/B0/c4n4ryC4N4RYc4n4ry",
    ],
)
def test_an_address_that_opens_a_door_is_warned_of_and_not_shown(url: str) -> None:
    (found,) = parse(project=f"notifiers: {{a: {{url: '{url}'}}}}").diagnostics
    assert (found.code, found.severity) == ("W252", "warning")
    assert url not in str(found.as_json())


@pytest.mark.parametrize("notifier", ["https://me:canary@example.com/", "{url: canary canary}"])
def test_a_mistake_of_a_notifier_does_not_show_its_address(notifier: str) -> None:
    (found,) = parse(project=f"notifiers: {{a: {notifier}}}").diagnostics
    assert found.is_error
    assert "canary" not in str(found.as_json())


def test_links_are_addresses_of_the_web_by_title() -> None:
    job = read_job("jobs: {a: {task: m.f, links: {Run book: 'https://wiki.example.com/a'}}}")
    assert job.links == {"Run book": "https://wiki.example.com/a"}


@pytest.mark.parametrize("link", ["wiki.example.com", "javascript:alert(1)", "https://", "''"])
def test_a_link_that_is_no_address_is_told_whatever_its_title(link: str) -> None:
    assert mistakes(f"jobs: {{a: {{task: m.f, links: {{task: {link}}}}}}}") == [("E221", 1, 37)]


def test_any_queue_will_do_where_none_is_declared() -> None:
    assert mistakes("jobs: {a: {task: m.f, queue: reports}}") == []


def test_a_queue_that_is_not_declared_is_a_warning_where_it_is_named() -> None:
    text = (
        "defaults: {queue: repots}\njobs:\n  a: {task: m.f}\n  b: {task: m.f}\n"
        "  c: {task: m.f, queue: reports, schedule: {every: 5m, queue: mail}}"
    )
    found = parse(text, project="queues: {reports: }").diagnostics
    assert [(one.code, one.location.line, one.help) for one in found] == [
        ("W251", 1, "did you mean 'reports'?"),
        ("W251", 5, "'queues' in the project file declares: reports"),
    ]


def test_jobs_that_name_no_queue_are_one_warning_where_default_is_not_declared() -> None:
    text = "jobs: {a: {task: m.f}, b: {task: m.f}}"
    (found,) = parse(text, project="queues: {reports: {}}").diagnostics
    assert (found.code, found.location.file) == ("W251", "jobrunner.yaml")


def test_the_queue_of_a_celery_task_is_its_own_apps() -> None:
    text = "jobs: {a: {celery_task: acme.tasks.f, overlap: allow, queue: elsewhere}}"
    assert mistakes(text, project="queues: {reports: {}}\ncelery: {app: acme.app}") == []


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("queues: [default]", "E203"),
        ("queues: {default: high}", "E203"),
        ("queues: {default: {priority: 3}}", "E201"),
        ("queues: {High Priority: {}}", "E206"),
        ("notifiers: [oncall]", "E203"),
        ("notifiers: {oncall: {}}", "E205"),
        ("notifiers: {oncall: {url: 3}}", "E203"),
        ("notifiers: {oncall: {url: {secret: oncall}}}", "E219"),
        ("notifiers: {oncall: {url: {env: X}}}", "E219"),
        ("guards: {max_delete: 3}", "E201"),
        ("guards: {max_deletes: -1}", "E204"),
        ("guards: {require_plan: yes}", "E203"),
    ],
)
def test_each_mistake_of_what_is_declared_is_one_diagnostic(declared: str, code: str) -> None:
    assert [found.code for found in parse(project=declared).diagnostics] == [code]


def test_a_job_whose_alert_goes_nowhere_is_none_of_the_good_ones() -> None:
    text = "jobs: {a: {task: m.f, alerts: [{when: failure, to: me}]}, b: {task: m.f}}"
    assert [job.address for job in parse(text).jobs] == ["default/b"]
