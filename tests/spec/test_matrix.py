"""`matrix`: one job for each combination, with a name that only its own values decide."""

import time
from collections.abc import Iterable

import pytest

from jobrunner.spec.matrix import keys_to_fill
from jobrunner.spec.tree import Mapping
from tests.spec.reading import mistakes, parse, read_job


def names(text: str) -> list[str]:
    parsed = parse(text)
    assert parsed.diagnostics == ()
    return [job.address for job in parsed.jobs]


def test_names_are_made_of_the_values_by_the_alphabet_of_the_keys() -> None:
    assert names("jobs: {sync: {task: m.f, matrix: {size: [s, l], region: [us, eu]}}}") == [
        "default/sync-eu-l",
        "default/sync-eu-s",
        "default/sync-us-l",
        "default/sync-us-s",
    ]


def test_another_order_of_the_values_changes_nothing() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: [b, a, c], y: [1, 2]}, kwargs: {z: '${matrix.x}${matrix.y}'}}}"
    other = text.replace("[b, a, c]", "[c, b, a]").replace("[1, 2]", "[2, 1]")
    assert [job.spec for job in parse(text).jobs] == [job.spec for job in parse(other).jobs]


def test_another_order_of_the_keys_changes_nothing() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: [b, a], y: [1, 2]}, kwargs: {z: '${matrix.x}${matrix.y}'}}}"
    other = text.replace("x: [b, a], y: [1, 2]", "y: [1, 2], x: [b, a]")
    assert [job.spec for job in parse(text).jobs] == [job.spec for job in parse(other).jobs]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("EU West", "eu-west"),
        ("1.5", "1.5"),
        ("7", "7"),
        ("true", "true"),
        ("-1", "1"),
        ("a/b", "a-b"),
    ],
)
def test_a_value_becomes_a_part_of_a_name(value: str, name: str) -> None:
    assert names(f"jobs: {{a: {{task: m.f, matrix: {{x: [{value}]}}}}}}") == [f"default/a-{name}"]


@pytest.mark.parametrize(
    ("value", "expected"), [("7", 7), ("'7'", "7"), ("true", True), ("1.5", 1.5)]
)
def test_an_argument_has_the_type_of_the_value(value: str, expected: object) -> None:
    job = read_job(
        f"jobs: {{a: {{task: m.f, matrix: {{x: [{value}]}}, kwargs: {{x: '${{matrix.x}}'}}}}}}"
    )
    assert (job.kwargs["x"], type(job.kwargs["x"])) == (expected, type(expected))


def test_a_key_takes_its_own_type() -> None:
    job = read_job(
        "jobs: {a: {task: m.f, matrix: {x: [7]}, priority: '${matrix.x}', owner: '${matrix.x}'}}"
    )
    assert (job.priority, job.owner) == (7, "7")


def test_a_value_is_the_number_of_retries() -> None:
    assert (
        read_job("jobs: {a: {task: m.f, matrix: {x: [7]}, retry: '${matrix.x}'}}").retry.max_retries
        == 7
    )


@pytest.mark.parametrize(
    ("written", "read"), [("3.10", "3.1"), ("1e3", "1000.0"), ("0x1F", "31"), ("+1", "1")]
)
def test_a_number_that_would_lose_its_digits_is_to_be_quoted(written: str, read: str) -> None:
    (found,) = parse(f"jobs: {{a: {{task: m.f, matrix: {{x: [{written}]}}}}}}").diagnostics
    assert (found.code, found.location.column) == ("E236", 36)
    assert found.help == f'write "{written}" in quotes, or {read}'


def test_values_and_variables_stand_in_one_text_and_neither_is_expanded_again() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: ['${B}', 1]}, description: '${matrix.x} ${A} $${matrix.x}'}}"
    assert [found.code for found in parse(text, A="${matrix.x}").diagnostics] == ["E232"]
    job = read_job(text.replace("'${B}', ", ""), A="${matrix.x}")
    assert job.description == "1 ${matrix.x} ${matrix.x}"


def test_values_reach_defaults_and_templates_of_the_job() -> None:
    job = read_job(
        "defaults: {queue: 'q-${matrix.x}', priority: '${matrix.p}', timeout: 5m}\n"
        "templates: {t: {owner: '${matrix.x}', tags: [a, '${matrix.x}'], retry: {delay: '${matrix.p}s'}}}\n"
        "jobs: {a: {task: m.f, extends: t, matrix: {x: [eu], p: [7]}}}"
    )
    assert (job.queue, job.priority, job.owner, job.tags) == ("q-eu", 7, "eu", ("a", "eu"))
    assert (job.retry.delay.total_seconds(), job.timeout.total_seconds()) == (7, 300)


def test_a_value_in_defaults_needs_a_matrix_in_each_job() -> None:
    text = "defaults: {queue: 'q-${matrix.x}'}\njobs: {a: {task: m.f, matrix: {x: [eu]}}, b: {task: m.f}}"
    parsed = parse(text)
    assert [(found.code, found.location.line) for found in parsed.diagnostics] == [("E231", 1)]
    assert "'default/b'" in parsed.diagnostics[0].message
    assert [job.address for job in parsed.jobs] == ["default/a-eu"]


def test_combinations_are_left_out_by_all_or_a_part_of_their_values() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: [1, 2], y: [s, l], exclude: [{x: 1, y: s}, {y: l}]}}}"
    assert names(text) == ["default/a-2-s"]


def test_a_key_with_one_value_may_stand_in_what_is_left_out() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: [1], y: [s, l], exclude: [{x: 1, y: s}]}}}"
    assert names(text) == ["default/a-1-l"]


def test_what_is_left_out_by_tens_of_thousands_is_looked_up() -> None:
    values, left_out = ", ".join(map(str, range(900))), "{x: 898}, " * 30_000
    started = time.process_time()
    assert len(names(_large_matrix(values, left_out))) == 899
    assert time.process_time() - started < 8  # each held against each takes four times as long


def _large_matrix(values: str, left_out: str) -> str:
    return f"jobs: {{a: {{task: m.f, matrix: {{x: [{values}], exclude: [{left_out}]}}}}}}"


def test_a_value_is_left_out_by_its_type_too() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: [1, 'one'], exclude: [{x: '1'}]}}}"
    assert mistakes(text) == [("E236", 1, 61)]


def test_every_job_of_a_matrix_stands_at_the_key() -> None:
    parsed = parse("jobs:\n  a:\n    task: m.f\n    matrix: {x: [1, 2]}\n    queue: q\n")
    assert [(job.location.line, job.location.column) for job in parsed.jobs] == [(2, 3), (2, 3)]
    assert [job.field_lines["queue"] for job in parsed.jobs] == [5, 5]


def test_the_same_identity_twice_names_both_places() -> None:
    text = "jobs:\n  a-1: {task: m.f}\n  a: {task: m.f, matrix: {x: [1, 2]}}\n"
    (found,) = parse(text).diagnostics
    assert (found.code, found.location.line, found.notes) == ("E401", 3, ("first at 0.yaml:2:3",))


def test_two_values_of_the_same_name_are_told_at_the_second() -> None:
    (found,) = parse("jobs: {a: {task: m.f, matrix: {x: [EU, eu]}}}").diagnostics
    assert (found.code, found.location.column, found.notes) == (
        "E401",
        40,
        ("first by EU at 0.yaml:1:36",),
    )


def test_values_that_only_together_make_the_same_name_are_told() -> None:
    (found,) = parse("jobs: {a: {task: m.f, matrix: {x: [b, b-c], y: [c-d, d]}}}").diagnostics
    assert (found.code, found.message) == ("E401", "this makes the job 'a-b-c-d' a second time")


def test_a_matrix_has_a_measure() -> None:
    values = ", ".join(map(str, range(1001)))
    assert mistakes(f"jobs: {{a: {{task: m.f, matrix: {{x: [{values}]}}}}}}") == [("E236", 1, 23)]


def test_the_matrices_of_a_file_have_a_measure_which_is_told_once() -> None:
    values = ", ".join(map(str, range(31)))
    jobs = "".join(f"  a{number}: {{task: m.f, matrix: *m}}\n" for number in range(12))
    text = f"x-m: &m {{x: [{values}], y: [{values}]}}\njobs:\n{jobs}"
    assert mistakes(text) == [("E236", 13, 20)]
    assert len(parse(text).jobs) == 10 * 31 * 31


def test_the_rest_of_a_job_with_a_bad_matrix_is_checked() -> None:
    text = "jobs: {a: {task: m.f, matrix: {x: eu}, priority: 11, owner: '${matrix.x}'}}"
    assert mistakes(text) == [("E236", 1, 35), ("E204", 1, 50)]


def test_a_large_job_cannot_be_made_any_number_of_times() -> None:
    tags = ", ".join(f"t{number}" for number in range(30_000))
    names = ", ".join(f"v{number}" for number in range(99))
    (found,) = parse(
        f"jobs: {{a: {{task: m.f, matrix: {{x: [{names}]}}, tags: [{tags}]}}}}"
    ).diagnostics
    assert (found.code, found.message) == (
        "E107",
        "the jobs of this file repeat more than 500,000 values",
    )


def test_of_thousands_of_jobs_each_has_its_own_value_in_every_layer() -> None:
    values = ", ".join(map(str, range(1_000)))
    parsed = parse(
        "defaults: {kwargs: {both: '${matrix.x}', of_all: 1}}\n"
        f"jobs: {{a: {{task: m.f, matrix: {{x: [{values}]}}, kwargs: {{own: ['${{matrix.x}}', 2]}}}}}}"
    )
    assert parsed.diagnostics == ()
    assert {job.spec.name: job.spec.kwargs for job in parsed.jobs} == {
        f"a-{value}": {"both": value, "of_all": 1, "own": [value, 2]} for value in range(1_000)
    }


def test_a_name_that_no_job_of_a_matrix_has_is_told_of_once() -> None:
    values = ", ".join(map(str, range(1_000)))
    text = f"jobs:\n  a: {{task: m.f, matrix: {{x: [{values}]}}, kwargs: {{y: '${{matrix.xx}}'}}}}"
    assert [code for code, _, _ in mistakes(text)] == ["E231"]


def test_jobs_behind_the_last_one_that_may_repeat_so_much_are_not_looked_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_through: list[int] = []

    def counted(trees: Iterable[Mapping]) -> frozenset[str]:
        looked_through.append(1)
        return keys_to_fill(trees)

    # In a megabyte a template has 20,000 arguments, and there are 8,000 jobs of it.
    monkeypatch.setattr("jobrunner.spec.parse.keys_to_fill", counted)
    monkeypatch.setattr("jobrunner.spec.report.MOST_REPEATED", 100)
    arguments = ", ".join(f"k{number}: '${{matrix.x}}'" for number in range(20))
    jobs = "".join(f"  j{n}: {{extends: t, task: m.f, matrix: {{x: [1, 2]}}}}\n" for n in range(50))
    parsed = parse(f"templates:\n  t: {{kwargs: {{{arguments}}}}}\njobs:\n{jobs}")
    assert [job.spec.name for job in parsed.jobs] == ["j0-1", "j0-2", "j1-1", "j1-2"]
    assert [(one.code, one.location.line) for one in parsed.diagnostics] == [("E107", 6)]
    assert len(looked_through) == 2


def test_what_a_matrix_lacks_is_told_of_each_job_up_to_the_last_one_that_may_repeat_so_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.spec.report.MOST_REPEATED", 10)
    jobs = "".join(
        f"  j{number}: {{task: m.f, matrix: {{x: [1]}}, owner: '${{matrix.y}}'}}\n"
        for number in range(8)
    )
    found = parse("jobs:\n" + jobs).diagnostics
    assert [(one.code, one.location.line) for one in found] == [
        ("E231", 2), ("E231", 3), ("E231", 4), ("E231", 5), ("E231", 6), ("E107", 7),
    ]  # fmt: skip
    assert found[-1].notes == ("2 more: 0.yaml:8, 0.yaml:9",)


def test_a_value_with_the_tag_of_texts_is_a_text() -> None:
    kwargs = "{a: !!str '${matrix.x}', b: '${matrix.x}'}"
    text = f"jobs: {{a: {{task: m.f, matrix: {{x: [5]}}, kwargs: {kwargs}}}}}"
    assert read_job(text).kwargs == {"a": "5", "b": 5}
