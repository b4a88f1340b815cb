from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.spec.paths import check_pattern, is_allowed, parse_exception_path, parse_task_path


@pytest.mark.parametrize("written", ["acme.tasks.build", "acme.tasks:build", "acme:tasks.build"])
def test_a_colon_is_a_dot(written: str) -> None:
    assert parse_task_path(written) == "acme.tasks.build"


@pytest.mark.parametrize(
    "written",
    ["", "build", ".build", "acme.", "acme..build", "acme build.x", "acme.1x", "acme.class", "a:b:c",
     "acme.f()", "acme.<lambda>", "acme.f.__globals__", "__main__.f", "acme/f.py", "acme.f\n"],
)  # fmt: skip
def test_what_is_no_dotted_path_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_task_path(written)


def test_an_exception_may_be_a_builtin() -> None:
    assert parse_exception_path("TimeoutError") == "TimeoutError"


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("acme.*", "acme.tasks.build", True),
        ("acme.*", "acme", False),
        ("acme.*", "acmeevil.tasks", False),
        ("acme.tasks.build", "acme.tasks.build", True),
        ("acme.tasks.build", "acme.tasks.build2", False),
        ("*.tasks.*", "acme.tasks.build", True),
        ("*.tasks.*", "acme.jobs.build", False),
        ("a*a", "a", False),
        ("*", "os.system", True),
        ("acme.t*s.b*d", "acme.tasks.build", True),
    ],
)
def test_a_star_stands_for_anything(pattern: str, path: str, allowed: bool) -> None:  # noqa: FBT001  a table
    assert is_allowed(path, [pattern]) is allowed


@given(
    patterns=st.lists(st.text("ab.*", max_size=6), min_size=1, max_size=5),
    path=st.text("ab.", max_size=8),
)
def test_one_of_many_patterns_is_enough(patterns: list[str], path: str) -> None:
    assert is_allowed(path, patterns) is any(fnmatchcase(path, one) for one in patterns)


def test_without_patterns_anything_but_python_itself_is_allowed() -> None:
    assert is_allowed("acme.tasks.build", [])
    assert not is_allowed("os.system", [])
    assert not is_allowed("builtins.eval", [])
    assert not is_allowed("pip.main", [])


def test_many_stars_take_no_longer() -> None:
    assert not is_allowed("a" * 5000, ["*a" * 1000 + "b"])


@pytest.mark.parametrize("pattern", ["", "acme .*", "(", "acme..x", "/acme"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="no pattern"):
        check_pattern(pattern)
