"""`environments`: variables, a layer of defaults, guards, and a gate over all jobs."""

import pytest

from jobrunner.spec.parse import parse_project_file
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import mistakes, parse, read_job

PROJECT = """\
project: acme
guards: {max_deletes: 5}
defaults: {queue: project, owner: ops, timeout: 10m}
environments:
  staging: {enabled: false, guards: {max_deletes: 0}}
  prod:
    vars: {WORKERS: 4, DEBUG: false, RATIO: &anchor 1.50}
    guards: {require_plan: true}
    defaults: {queue: "prod-${WORKERS}", owner: null}
"""
JOB = "jobs: {a: {task: m.f}}"


def test_defaults_of_the_environment_lie_over_those_of_the_project() -> None:
    job = read_job(JOB, PROJECT, "prod")
    assert (job.queue, job.owner, job.timeout.total_seconds()) == ("prod-4", "", 600)


def test_defaults_of_a_file_lie_over_those_of_the_environment() -> None:
    assert read_job(f"defaults: {{queue: file}}\n{JOB}", PROJECT, "prod").queue == "file"


def test_an_environment_that_was_not_chosen_gives_nothing() -> None:
    assert read_job(JOB, PROJECT).queue == "project"


@pytest.mark.parametrize("text", [JOB, "jobs: {a: {task: m.f, enabled: true}}"])
def test_a_closed_gate_switches_every_job_off_whatever_it_says(text: str) -> None:
    assert read_job(text, PROJECT, "staging").enabled is False
    assert read_job(text, PROJECT, "prod").enabled is True


def test_an_open_gate_switches_nothing_on() -> None:
    assert read_job("jobs: {a: {task: m.f, enabled: false}}", PROJECT, "prod").enabled is False


def test_guards_of_the_environment_lie_over_those_of_the_project() -> None:
    guards = parse(project=PROJECT, environment="prod").project.guards
    assert (guards.max_deletes, guards.require_plan) == (5, True)
    assert parse(project=PROJECT, environment="staging").project.guards.max_deletes == 0
    assert parse(project=PROJECT).project.guards.require_plan is None


@pytest.mark.parametrize(
    ("name", "text"), [("WORKERS", "4"), ("DEBUG", "false"), ("RATIO", "1.50")]
)
def test_a_variable_is_a_text_whatever_yaml_reads(name: str, text: str) -> None:
    job = f"jobs: {{a: {{task: m.f, description: 'x ${{{name}}}'}}}}"
    assert read_job(job, PROJECT, "prod").description == f"x {text}"


def test_an_environment_that_is_not_declared_is_refused_with_those_there_are() -> None:
    (found,) = parse(JOB, project=PROJECT, environment="prd").diagnostics
    assert (found.code, found.location.line) == ("E233", 4)
    assert found.help == "did you mean -e prod? there are: staging, prod"


def test_where_none_is_declared_any_name_may_be_chosen() -> None:
    assert mistakes(JOB, environment="anything") == []


def test_variables_of_an_unknown_environment_are_not_told_of_besides() -> None:
    text = "jobs: {a: {task: m.f, owner: '${WORKERS}'}}"
    assert mistakes(text, project=PROJECT, environment="prd") == [("E233", 4, 1)]


def test_without_an_environment_those_that_have_the_variable_are_named() -> None:
    (found,) = parse("jobs: {a: {task: m.f, owner: '${DEBUG}'}}", project=PROJECT).diagnostics
    assert found.help == "choose an environment that has it: -e prod"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("environments: [prod]", ("E203", 1, 15)),
        ("environments: {prod: [x]}", ("E203", 1, 22)),
        ("environments: {Prod: {}}", ("E206", 1, 16)),
        ("environments: {prod: {variables: {}}}", ("E201", 1, 23)),
        ("environments: {prod: {vars: [A]}}", ("E203", 1, 29)),
        ("environments: {prod: {vars: {a-b: x}}}", ("E206", 1, 30)),
        ("environments: {prod: {vars: {A: [x]}}}", ("E203", 1, 33)),
        ("environments: {prod: {vars: {A: null}}}", ("E203", 1, 30)),
        ("environments: {prod: {vars: {A: '${B}'}}}", ("E232", 1, 33)),
        ("environments: {prod: {enabled: no}}", ("E203", 1, 32)),
        ("environments: {prod: {enabled: '${A}'}}", ("E232", 1, 32)),
        ("environments: {prod: {guards: {max_delete: 1}}}", ("E201", 1, 32)),
        ("environments: {prod: {guards: {max_deletes: -1}}}", ("E204", 1, 45)),
    ],
)
def test_a_mistake_is_told_whichever_environment_was_chosen(
    text: str, mistake: tuple[str, int, int]
) -> None:
    assert mistakes(project=text) == [mistake]


def test_a_mistake_in_the_defaults_of_the_chosen_environment_is_told_once() -> None:
    project = "environments: {prod: {defaults: {priority: 11, qeue: x}}}"
    jobs = "jobs: {a: {task: m.f}, b: {task: m.f}}"
    assert mistakes(jobs, project=project, environment="prod") == [("E204", 1, 44), ("E201", 1, 48)]


def test_what_a_worker_reads_of_the_project_needs_no_variables() -> None:
    text = "{project: acme, allow: {tasks: ['m.*']}, defaults: {owner: '${MISSING}'}}"
    project, found = parse_project_file(SourceFile("jobrunner.yaml", text.encode()))
    assert (project.project, project.allow.tasks, found) == ("acme", ("m.*",), ())
