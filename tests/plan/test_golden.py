"""Every kind of change in each of the three forms, word for word."""

import pytest

from jobrunner import beside
from tests.plan.golden_plan import GOLDEN, documents
from tests.processors import pretend_two_processors

NAMES = ["plan.txt", "plan.json", "plan.md"]


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_shown_as_it_was(name: str) -> None:
    assert documents()[name] == (GOLDEN / name).read_text("utf-8")


def test_two_processes_show_what_one_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "FEWEST_TO_SHARE", 2)
    pretend_two_processors(monkeypatch)
    assert documents() == {name: (GOLDEN / name).read_text("utf-8") for name in NAMES}
