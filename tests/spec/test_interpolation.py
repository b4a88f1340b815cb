"""`${NAME}` in values: where it is expanded, with what, and as which type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.reading import mistakes, parse, read_job

ENVIRONMENTS = (
    "environments: {stg: {vars: {BUCKET: b-stg}}, prd: {vars: {BUCKET: b-prd, EMPTY: ''}}}"
)


def description(text: str, environment: str = "prd", **variables: str) -> str:
    """What `text` in double quotes is expanded to."""
    job = f'jobs: {{a: {{task: m.f, description: "{text}"}}}}'
    return read_job(job, ENVIRONMENTS, environment, **variables).description


def argument(text: str, **variables: str) -> Any:
    """What `text` as it stands is as an argument."""
    return read_job(
        f"jobs:\n  a:\n    task: m.f\n    kwargs:\n      x: {text}", **variables
    ).kwargs["x"]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${BUCKET}", "b-prd"),
        ("s3://${BUCKET}/x/${BUCKET}", "s3://b-prd/x/b-prd"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${MISSING:-default}", "default"),
        ("${MISSING:-}", ""),
        ("${BUCKET:-default}", "b-prd"),
        ("${BUCKET:?say why}", "b-prd"),
        ("$$", "$"),
        ("$${BUCKET}", "${BUCKET}"),
        ("$$$${BUCKET}", "$${BUCKET}"),
        ("$$${BUCKET}", "$b-prd"),
        ("$5 and $BUCKET and $", "$5 and $BUCKET and $"),
        ("${MISSING:-$5}", "$5"),
    ],
)
def test_a_value_is_expanded(text: str, expanded: str) -> None:
    assert description(text) == expanded


def test_values_are_those_of_the_environment_that_was_chosen() -> None:
    assert description("${BUCKET}", "stg") == "b-stg"


def test_what_is_given_outside_the_files_wins() -> None:
    assert description("${BUCKET}", BUCKET="mine") == "mine"


@given(st.text("${}:-?AB", max_size=12))
def test_a_result_is_never_expanded_again(value: str) -> None:
    assert description("${A}", A=value, B="b") == value


@pytest.mark.parametrize("value", ["HOME", "PATH"])
def test_nothing_of_the_process_environment_is_read(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(value, "canary")
    assert mistakes(f'jobs: {{a: {{task: m.f, owner: "${{{value}}}"}}}}') == [("E231", 1, 31)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${N}", 7),
        ('"${N}"', "7"),
        ("'${N}'", "7"),
        ("x${N}", "x7"),
        ("${T}", True),
        ("${F}", 1.5),
        ("${D}", "2026-01-02"),
        ("${NULL}", "null"),
        ("${EMPTY}", ""),
        ("${MISSING:-3}", 3),
        ("|-\n        ${N}", "7"),
    ],
)
def test_an_argument_without_quotes_is_what_yaml_reads_and_never_nothing(
    text: str, value: object
) -> None:
    given_values = {
        "N": "7",
        "T": "true",
        "F": "1.5",
        "D": "2026-01-02",
        "NULL": "null",
        "EMPTY": "",
    }
    found = argument(text, **given_values)
    assert (found, type(found)) == (value, type(value))


def test_an_ambiguous_number_in_an_argument_is_refused() -> None:
    text = "jobs:\n  a:\n    task: m.f\n    kwargs:\n      x: ${N}"
    assert mistakes(text, N="010") == [("E110", 5, 10)]
    assert mistakes(text.replace("${N}", '"${N}"'), N="010") == []


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_key_takes_its_own_type_with_quotes_or_without(quote: str) -> None:
    job = read_job(
        "jobs:\n  a:\n    task: m.f\n"
        f"    priority: {quote}${{N}}{quote}\n    isolate: {quote}${{T}}{quote}\n"
        f"    owner: {quote}${{N}}{quote}\n    retry: {quote}${{N}}{quote}\n"
        f"    catch_up: {{max: '${{N}}'}}\n    schedule: {{every: '${{D}}', max_runs: '${{N}}'}}",
        N="7", T="true", D="5m",
    )  # fmt: skip
    assert (job.priority, job.isolate, job.owner, job.retry.max_retries) == (7, True, "7", 7)
    assert (job.catch_up.max, job.schedules[0].max_runs) == (7, 7)


def test_a_value_of_the_wrong_type_is_told_at_the_scalar() -> None:
    assert mistakes("jobs: {a: {task: m.f, priority: '${N}'}}", N="high") == [("E203", 1, 33)]


def test_a_part_of_an_expanded_expression_is_not_pointed_at() -> None:
    (found,) = parse("jobs: {a: {task: m.f, schedule: '${CRON}'}}", CRON="0 99 * * *").diagnostics
    assert (found.code, found.location.column, found.width) == ("E208", 33, 9)


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("'x ${A'", "E230", 36),
        ("'x ${}'", "E230", 36),
        ("'${A-b}'", "E230", 34),
        ("'${A:-${B}}'", "E230", 34),
        ("'$${A} ${A.b}'", "E230", 40),
        ("'x ${A}'", "E231", 36),
        ("'${A:?tell}'", "E231", 34),
        ("'${matrix.a}'", "E231", 33),
    ],
)
def test_a_mistake_is_pointed_at_in_its_text(text: str, code: str, column: int) -> None:
    assert mistakes(f"jobs: {{a: {{task: m.f, queue: q, x-a: {text}}}}}") == []
    assert mistakes(f"jobs: {{a: {{task: m.f, description: {text}}}}}") == [(code, 1, column + 3)]


def test_the_message_of_a_variable_that_is_asked_for_is_shown() -> None:
    (found,) = parse("jobs: {a: {task: m.f, owner: '${A:?name the owner}'}}").diagnostics
    assert found.message == "'A' has no value: name the owner"


@pytest.mark.parametrize(
    "text",
    [
        "namespace: '${A}'\njobs: {a: {task: m.f}}",
        "jobs: {a: {task: m.f, extends: '${A}'}}",
        "jobs: {a: {task: m.f, matrix: {x: ['${A}']}}}",
        "jobs: {'${A}': {task: m.f}}",
        "jobs: {a: {task: m.f, kwargs: {'${A}': 1}}}",
        "templates: {a: {extends: ['${A}']}}",
    ],
)
def test_keys_and_what_identities_are_made_of_are_not_expanded(text: str) -> None:
    assert "E232" in {found.code for found in parse(text, A="a").diagnostics}


@pytest.mark.parametrize(
    "text",
    ["project: '${A}'", "include: ['${A}']", "allow: {tasks: ['${A}']}", "celery: {app: '${A}'}"],
)
def test_what_may_be_loaded_is_the_same_everywhere(text: str) -> None:
    assert [found.code for found in parse(project=text, A="a").diagnostics] == ["E232"]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("jobs: {a: {task: m.f, owner: ${A}}}", '"${A}"'),
        ("jobs: {a: {task: m.f, tags: [x, a-${A:-b c}]}}", '"a-${A:-b c}"'),
        ("jobs: {a: {task: m.f, description: /${A}/${A}}}", '"/${A}/${A}"'),
    ],
)
def test_between_braces_quotes_are_asked_for_and_the_rest_is_read(
    text: str, expression: str
) -> None:
    parsed = parse(text.replace("task", "qeue: 1, task"), A="a")
    assert [found.code for found in parsed.diagnostics] == ["E201", "E104"]
    assert expression in parsed.diagnostics[1].help


def test_own_keys_are_ignored_where_ours_stand_and_data_where_arguments_do() -> None:
    job = read_job(
        "x-a: '${NOPE}'\njobs: {a: {task: m.f, x-b: '${NOPE}', kwargs: {x-c: '${A}'}, "
        "schedule: {every: 5m, x-d: '${NOPE}'}, retry: {x-e: 1}}}",
        A="a",
    )
    assert job.kwargs == {"x-c": "a"}


@pytest.mark.parametrize(
    "written",
    ["!!str ${X:-5}", "! ${X:-5}", "&a !!str ${X:-5}", "!!str &a ${X:-5}", "!!str '${X:-5}'"],
)
def test_the_tag_of_texts_keeps_a_text_from_being_a_number(written: str) -> None:
    assert read_job(f"jobs:\n  a:\n    task: m.f\n    kwargs:\n      g: {written}").kwargs == {
        "g": "5"
    }


def test_an_anchor_is_no_tag() -> None:
    assert read_job("jobs:\n  a:\n    task: m.f\n    kwargs:\n      g: &a ${X:-5}").kwargs == {
        "g": 5
    }
