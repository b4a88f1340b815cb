"""Every kind of change in each of the three forms, word for word."""

import pytest

from tests.plan.golden_plan import GOLDEN, documents


@pytest.mark.parametrize("name", ["plan.txt", "plan.json", "plan.md"])
def test_a_plan_is_shown_as_it_was(name: str) -> None:
    assert documents()[name] == (GOLDEN / name).read_text("utf-8")
