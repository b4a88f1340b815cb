"""A rendered job, read again, is the same definition."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.spec.formatting import format_file
from jobrunner.spec.models import JobSpec
from jobrunner.spec.rendering import as_yaml, rendered
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import parse, read_job
from tests.spec.test_properties import PLAIN_VALUES, TEXTS, TREES

ARGUMENTS = st.dictionaries(TEXTS, PLAIN_VALUES, max_size=3).filter(
    lambda values: "${" not in str(values) and "secret" not in str(values)
)


def read_again(text: str, *, with_defaults: bool = False, project: str | None = None) -> JobSpec:
    """The only job of a text, rendered and read."""
    documents = rendered(parse(text, project=project).jobs, with_defaults=with_defaults)
    return read_job(as_yaml(documents), project)


@pytest.mark.parametrize("with_defaults", [False, True])
@given(jobs=TREES)
def test_rendered_jobs_are_read_as_they_were(
    jobs: dict[str, dict[str, object]], *, with_defaults: bool
) -> None:
    before = parse(json.dumps({"namespace": "n", "jobs": jobs}))
    after = parse(as_yaml(rendered(before.jobs, with_defaults=with_defaults)))
    assert after.diagnostics == ()
    assert [job.spec for job in after.jobs] == [job.spec for job in before.jobs]


@given(ARGUMENTS, ARGUMENTS | st.none())
def test_arguments_of_a_schedule_are_read_as_they_were(
    own: dict[str, Any], of_schedule: dict[str, Any] | None
) -> None:
    schedule = {"cron": "@daily", "kwargs": of_schedule}
    text = json.dumps({"jobs": {"a": {"task": "m.f", "kwargs": own, "schedule": schedule}}})
    assert read_again(text) == read_job(text)


@pytest.mark.parametrize("text", ["$$$${NAME}", "$${NAME}", "$$$", "$5", "a$", "$$$${matrix.x}"])
def test_a_dollar_sign_is_read_as_it_was(text: str) -> None:
    job = f"jobs: {{a: {{task: m.f, description: '{text}'}}}}"
    assert read_again(job) == read_job(job)


@pytest.mark.parametrize(
    "text", ["no", "1e3", "0o17", "12:30", "2026-01-02", "~", "", "null", "010"]
)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    assert read_again(f"jobs: {{a: {{task: m.f, description: '{text}'}}}}").description == text


@pytest.mark.parametrize("with_defaults", [False, True])
def test_what_is_rendered_is_as_fmt_writes_it(*, with_defaults: bool) -> None:
    jobs = parse(
        "jobs:\n  a: {task: m.f, tags: [x, 'y z'], args: [1, {b: ['no', 'a: b']}], schedule: '@daily'}\n"
        "  b: {task: m.g, schedules: {x: {every: 5m}, y: '0 6 * * *'}}\n"
    ).jobs
    text = as_yaml(rendered(jobs, with_defaults=with_defaults))
    assert format_file(SourceFile("a.yaml", text.encode())).text == text
    assert "\n      - x\n" in text


def test_nothing_is_left_to_inherit() -> None:
    project = "{templates: {t: {queue: q}}, defaults: {owner: ops}}"
    text = "jobs: {a: {task: m.f, extends: t}}"
    (document,) = rendered(parse(text, project=project).jobs, with_defaults=False)
    assert document["jobs"] == {"a": {"task": "m.f", "queue": "q", "owner": "ops"}}


def test_what_is_built_in_is_written_where_it_is_asked_for() -> None:
    (document,) = rendered(parse("jobs: {a: {task: m.f}}").jobs, with_defaults=True)
    job = document["jobs"]["a"]
    assert (job["timeout"], job["retry"]["delay"], job["enabled"]) == ("1h", "5s", True)


def test_each_namespace_is_a_document() -> None:
    parsed = parse(
        "namespace: b\njobs: {x: {task: m.f}}",
        "namespace: a\njobs: {x: {task: m.f}, y: {task: m.f}}",
    )
    documents = rendered(parsed.jobs, with_defaults=False)
    assert [(one["namespace"], list(one["jobs"])) for one in documents] == [
        ("a", ["x", "y"]),
        ("b", ["x"]),
    ]


def test_a_reference_to_a_secret_stays_one_and_a_sensitive_value_is_hidden() -> None:
    text = (
        "jobs: {a: {task: m.f, sensitive: [pin], kwargs: {key: {secret: 'env:KEY'}, pin: canary}, "
        "schedule: {cron: '@daily', kwargs: {pin: canary}}}}"
    )
    (document,) = rendered(parse(text).jobs, with_defaults=False)
    assert document["jobs"]["a"]["kwargs"] == {"key": {"secret": "env:KEY"}, "pin": "(sensitive)"}
    assert "canary" not in as_yaml([document])


def test_a_celery_task_is_read_as_it_was() -> None:
    project = "{celery: {app: 'acme.celery:app', tracked: true}}"
    text = "jobs: {a: {celery_task: acme.send, timeout: 5m, schedule: {every: 5m}}}"
    assert read_again(text, project=project, with_defaults=True) == read_job(text, project)
