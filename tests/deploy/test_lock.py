"""The lock: two installs a month apart are the same, from any index."""

import re
import tomllib

import pytest

from tests.deploy.compose import REPOSITORY

LOCKS = ("core", "up", "dev")


def read_lock(name: str) -> str:
    return (REPOSITORY / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def pins_of(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", read_lock(name), re.MULTILINE))


def names_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_it_names_no_index(name: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", read_lock(name))


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name: str) -> None:
    pins = re.split(r"^(?=[a-z0-9])", read_lock(name), flags=re.MULTILINE)[1:]
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_larger_locks_hold_the_smaller_ones() -> None:
    assert pins_of("core").items() <= pins_of("up").items() <= pins_of("dev").items()


def test_everything_that_the_project_asks_for_is_pinned() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)
    assert names_in(project["project"]["dependencies"]) <= set(pins_of("core"))
    assert names_in(project["dependency-groups"]["build"]) <= set(pins_of("core"))
    assert names_in(project["project"]["optional-dependencies"]["embedded"]) <= set(pins_of("up"))
