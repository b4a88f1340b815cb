"""The ids of runs: made of what they stand for, and the same for everybody."""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jobrunner.run import _RUN_IDS, _uuid5_text, scheduled_run_id


@given(st.text(max_size=200))
def test_an_id_is_that_of_the_standard_library(name: str) -> None:
    assert _uuid5_text(name) == str(uuid.uuid5(_RUN_IDS, name))


def test_an_id_never_changes_from_one_version_to_the_next() -> None:
    schedule_id = uuid.UUID("11111111-2222-3333-4444-555555555555")
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    expected = uuid.uuid5(
        _RUN_IDS, "11111111-2222-3333-4444-555555555555/2026-11-21T12:00:00+00:00"
    )
    assert scheduled_run_id(schedule_id, noon) == str(expected)
