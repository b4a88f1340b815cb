"""The short form of `make chaos`."""

import pytest

from tests.chaos.mischief import Plan
from tests.chaos.play import lines_of, open_scene, play


@pytest.mark.alone
def test_whatever_is_killed_frozen_emptied_or_restarted_no_run_is_lost_or_doubled() -> None:
    said: list[str] = []
    with open_scene() as scene:
        outcome = play(scene, Plan(seconds=40, wipes=2, restarts=1), said.append)
    assert outcome.faults == (), "\n".join(lines_of(outcome))
    assert outcome.deaths > 50
    assert (outcome.wipes, outcome.restarts) == (2, 1)
    assert outcome.completed > 100
