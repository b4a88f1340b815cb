"""Random schedules, restarts, edits and pauses give the rows that plain words ask for."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.promises.ten_years import START, make_world


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weeks_of_restarts_edits_and_pauses_equal_the_model_row_for_row(
    engine: Engine, seed: int
) -> None:
    world = make_world(engine, schedules=15, seed=seed)
    world.live_until(START + timedelta(weeks=10))
    assert world.differences() == []
    assert len(world.model.rows) > 100
