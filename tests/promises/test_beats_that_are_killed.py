"""Any number of beats, whatever happens to them, give the run set that the schedules owe."""

import pytest
from sqlalchemy import Engine

from tests.project import Project
from tests.promises.beats import Plan, play


@pytest.mark.parametrize("beats", [1, 2, 5])
def test_fault_22_beats_that_are_killed_and_frozen_record_what_is_owed_row_for_row(
    project: Project, engine: Engine, beats: int
) -> None:
    outcome = play(project, engine, Plan(beats, seconds=8, acts=("kill", "freeze"), seed=beats))
    assert outcome.broken == []
    assert outcome.rows > 150
    assert sum(outcome.acts.values()) >= 2
