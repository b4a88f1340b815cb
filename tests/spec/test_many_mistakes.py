"""Files with very many mistakes: each is told once, and not more than can be read."""

import pytest

from jobrunner.spec.report import MOST_IN_ONE_FILE
from tests.spec.reading import mistakes, parse


def codes(text: str, project: str | None = None) -> list[str]:
    return [code for code, _, _ in mistakes(text, project=project)]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("retry: {for: [%s]}", "E301"),
        ("sensitive: [%s]", "E206"),
        ("tags: [%s]", "E204"),
    ],
)
def test_of_a_list_the_first_thousand_are_told(keys: str, code: str) -> None:
    wrong = ", ".join(["''"] * 3_000)
    found = codes(f"jobs: {{a: {{task: m.f, {keys % wrong}}}}}")
    assert found == [code] * MOST_IN_ONE_FILE + ["E130"]


def test_of_a_list_in_the_project_file_the_first_thousand_are_told() -> None:
    wrong = ", ".join(["'?'"] * 3_000)
    found = codes("jobs: {}", f"allow: {{tasks: [{wrong}]}}")
    assert found == ["E215"] * MOST_IN_ONE_FILE + ["E130"]


def test_a_mistake_behind_a_thousand_good_items_is_told() -> None:
    good = ", ".join(["ValueError"] * 3_000)
    assert codes(f"jobs: {{a: {{task: m.f, retry: {{for: [{good}, 1]}}}}}}") == ["E203"]


def test_one_text_that_is_wrong_for_two_keys_is_told_for_both() -> None:
    found = codes("x-no: &no 'a b'\njobs: {a: {task: *no, timeout: *no}}")
    assert found == ["E207", "E301"]


def test_mistakes_of_defaults_are_told_once_and_make_every_job_wrong() -> None:
    jobs = "".join(f"  j{number}: {{task: m.f}}\n" for number in range(2_000))
    parsed = parse(f"defaults: {{queue: [1], timeout: 5q, priority: 99}}\njobs:\n{jobs}")
    assert [found.code for found in parsed.diagnostics] == ["E203", "E207", "E204"]
    assert parsed.jobs == ()
