"""The patterns of `include`."""

import pytest

from jobrunner.spec.patterns import matches


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("jobs.d/a.yaml", "jobs.d/*.yaml"),
        ("jobs.d/a.yaml", "jobs.d/**/*.yaml"),
        ("jobs.d/x/y/a.yaml", "jobs.d/**/*.yaml"),
        ("jobs.d/x/y/a.yaml", "jobs.d/**/y/*.yaml"),
        ("jobs.d/x/a.yaml", "jobs.d/**"),
        ("a.yaml", "**/*.yaml"),
        ("a.yaml", "./a.yaml"),
        (".hidden/a.yaml", ".hidden/*.yaml"),
    ],
)
def test_a_pattern_matches(path: str, pattern: str) -> None:
    assert matches(path, pattern)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("jobs.d/x/a.yaml", "jobs.d/*.yaml"),
        ("jobs.d/a.yaml", "jobs.d"),
        ("jobs.d", "jobs.d/*"),
        ("jobs.d/a.yml", "jobs.d/*.yaml"),
        ("jobs.d/.git/a.yaml", "jobs.d/**/*.yaml"),
        ("jobs.d/.a.yaml", "jobs.d/*.yaml"),
        ("a.yaml", "."),
    ],
)
def test_a_pattern_does_not_match(path: str, pattern: str) -> None:
    assert not matches(path, pattern)
