"""What a callable may know of its run."""

import subprocess
import sys
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


def test_the_package_costs_nothing_until_a_database_is_needed() -> None:
    looked = "import sys, jobrunner; print({'celery', 'sqlalchemy', 'pydantic'} & {*sys.modules})"
    told = subprocess.run(
        [sys.executable, "-c", looked], check=True, capture_output=True, text=True
    )
    assert told.stdout == "set()\n"


@pytest.mark.parametrize("name", jobrunner.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(jobrunner, name).__module__.startswith("jobrunner.")


def test_a_name_that_is_none_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        jobrunner.nothing_of_ours  # type: ignore[attr-defined]  # noqa: B018  that is what is tested
