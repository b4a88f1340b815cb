"""What a callable may know of its run."""

import uuid
from datetime import UTC, datetime

import pytest

import jobrunner
from jobrunner.current import entered
from jobrunner.errors import Conflict

RUN = jobrunner.CurrentRun(uuid.uuid4(), "ops/job", 2, datetime(2026, 1, 1, tzinfo=UTC))


def test_inside_a_run_it_is_known() -> None:
    with entered(RUN):
        assert jobrunner.current_run() == RUN


def test_outside_of_a_run_it_is_refused_in_a_sentence() -> None:
    with entered(RUN):
        pass
    with pytest.raises(Conflict, match="outside of a run"):
        jobrunner.current_run()
