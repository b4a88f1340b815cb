"""What is another meaning, for `fmt` to leave a file alone, and what is only another form."""

import pytest

from jobrunner.spec.same_meaning import say_the_same
from jobrunner.spec.written import read_written


def are_the_same(one: str, other: str) -> bool:
    return say_the_same(read_written(one), read_written(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a: b\n", "'a': \"b\"\n"),
        ("a: [1, 2]\n", "a:\n  - 1\n  - 2\n"),
        ("a: 16\n", "a: 0x10\n"),
        ("a: ~\n", "a:\n"),
        ("a: &x 1\nb: *x\n", "a:  &x 1\nb:  *x\n"),
        ("a: |\n  b\n", 'a: "b\\n"\n'),
        ("# one\na: 1  # two\n", "a: 1  # two\n# one\n"),
    ],
)
def test_another_form_says_the_same(one: str, other: str) -> None:
    assert are_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a: 1\n", "a: 2\n"),
        ("a: 1\n", "a: '1'\n"),
        ("a: 1\n", "a: 1.0\n"),
        ("a: 1\n", "a: true\n"),
        ("a: no\n", "a: false\n"),
        ("a: 1\n", "b: 1\n"),
        ("a: 1\n", "a: 1\nb: 1\n"),
        ("a: [1]\n", "a: {1: }\n"),
        ("a: [1]\n", "a: 1\n"),
        ("a: *x\n", "a: '*x'\n"),
        ("a: &x 1\n", "a: &x '1'\n"),
        ("a: &x [1]\n", "a: &y [1]\n"),
        ("a: &x 1\n", "a: &y 1\n"),
        ("<<: {a: 1}\n", "'<<': {a: 1}\n"),
        ("a: 1\n", "a: 1\n---\na: 1\n"),
        ("a: 1 # b\n", "a: 1\n"),
    ],
)
def test_another_meaning_is_seen(one: str, other: str) -> None:
    assert not are_the_same(one, other)
