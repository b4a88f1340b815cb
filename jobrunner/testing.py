"""The pytest plugin: jobs are called, their times computed and their files compared within tests.

It is loaded wherever jobrunner is installed, so it imports nothing until a fixture is used. The
project is the one that pytest's root folder lies in.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jobrunner.call import Caller
    from jobrunner.project_under_test import ProjectUnderTest

RunJob = Callable[..., Any]
NextRuns = Callable[[str, datetime, int], Sequence[datetime]]
AssertPlanEmpty = Callable[[], None]


@pytest.fixture(scope="session")
def _one_caller() -> "Iterator[Caller]":
    """One loop for all tests, as a worker's process has one: an engine that a test made serves the next."""
    from jobrunner.call import Caller  # noqa: PLC0415  see the top of the file

    caller = Caller()
    yield caller
    caller.close()


@pytest.fixture
def run_job(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, _one_caller: "Caller"
) -> RunJob:
    """`run_job("ns/job", n=1)` calls the job's callable here, as a worker would, and returns its result.

    Arguments are laid over the job's own and made to fit the type hints; `current_run()` works. What
    the callable raises passes through.
    """

    def run(address: str, /, **kwargs: Any) -> Any:
        project = _project(pytestconfig)
        monkeypatch.syspath_prepend(str(project.desired.root))  # where a worker is started
        return project.run_job(address, kwargs, _one_caller)

    return run


@pytest.fixture
def next_runs(pytestconfig: pytest.Config) -> NextRuns:
    """`next_runs("ns/job#default", start, 3)` → the next three times after `start`, aware, UTC."""

    def find(address: str, start: datetime, count: int) -> Sequence[datetime]:
        return _project(pytestconfig).next_runs(address, start, count)

    return find


@pytest.fixture
def assert_plan_empty(pytestconfig: pytest.Config) -> AssertPlanEmpty:
    """`assert_plan_empty()` fails unless the database of `JOBRUNNER_DATABASE_URL` matches the files."""

    def check() -> None:
        __tracebackhide__ = True
        plan = _project(pytestconfig).plan()
        if not plan.is_empty:
            changes = [f"{type(one).__name__.lower()} {one.address}" for one in plan.changes]
            changes += [f"notifier {one.name} {one.kind}" for one in plan.notifiers]
            pytest.fail(f"The database does not match the files: {', '.join(changes)}.")

    return check


def _project(config: pytest.Config) -> "ProjectUnderTest":
    from jobrunner.project_under_test import open_project  # noqa: PLC0415  see the top of the file

    return open_project(config.rootpath)
