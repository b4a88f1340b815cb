"""Which lines are not quoted in a message."""

import pytest

from jobrunner.spec.sensitive_lines import sensitive_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("kwargs: {password: x}\n", set()),
        ("sensitive: [password]\nkwargs: {password: x}\nother: 1\n", {2}),
        (
            "sensitive: [password]\nkwargs:\n  password: |\n    x\n\n    y\n  other: 1\n",
            {3, 4, 5, 6},
        ),
        ("sensitive:\n  - password\n  - pin\nkwargs: {pin: 1}\nqueue: a\n", {4}),
        ("{'sensitive': ['pin'], 'kwargs': {'pin': 1}}\nqueue: a\n", {1}),
        ("sensitive: [pin]\npins: 1\npin code: 2\n", set()),
    ],
)
def test_a_line_with_a_sensitive_argument_and_what_goes_on_with_it_are_hidden(
    text: str, lines: set[int]
) -> None:
    assert sensitive_lines(text.splitlines()) == lines
