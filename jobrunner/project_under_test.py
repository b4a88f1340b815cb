"""What the pytest plugin does with a project: call a job's callable, compute its times, compare it."""

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from jobrunner.arguments import fit_arguments
from jobrunner.call import Caller
from jobrunner.callables import load_callable
from jobrunner.celery_call import bound_to_run
from jobrunner.current import CurrentRun, entered
from jobrunner.db.engine import process_engine
from jobrunner.errors import NotFound, UsageError
from jobrunner.plan.changes import Plan
from jobrunner.reconcile import Desired, plan_project, read_desired, reading
from jobrunner.schedule import times_between
from jobrunner.sealing import make_keyring
from jobrunner.secrets import make_secrets
from jobrunner.settings import Settings, load_settings, variables_of
from jobrunner.spec.models import JobSpec
from jobrunner.spec.project import Given

_WORKER = "pytest"
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ProjectUnderTest:
    """The project that a folder lies in, and the settings of its environment."""

    settings: Settings
    desired: Desired

    def run_job(self, address: str, kwargs: Mapping[str, Any], caller: Caller) -> Any:
        """Call the job's callable as a worker would, in this process; what it returns or raises.

        `kwargs` are laid over the job's own. Secrets are opened as by a worker with these settings.
        Raises NotFound, CallableError, and UsageError for what a run cannot have.
        """
        spec = self._job(address)
        if spec.task is None:
            raise UsageError(f"{address} calls no Python code of this project.")
        allow = self.settings.allow_tasks or self.desired.project.allow.tasks
        loaded = load_callable(spec.task, allow=allow)
        given = (spec.args, {**spec.kwargs, **_as_stored(kwargs)})
        now = datetime.now(UTC)
        run = CurrentRun(uuid.uuid4(), address, 1, now, now + spec.timeout)
        secrets = make_secrets(self.settings, os.environ)
        with entered(run), secrets.masking() as masker:
            opened_args, opened = secrets.opened(address, given, spec.sensitive)
            args, fitted = fit_arguments(loaded, opened_args, opened, masker=masker)
            bound = bound_to_run(loaded, args, fitted, run=run, spec=spec, hostname=_WORKER)
            return caller.call(bound, args, fitted)

    def next_runs(self, address: str, start: datetime, count: int) -> list[datetime]:
        """The first `count` times of a schedule (`namespace/job#name`) after `start`, aware, UTC.

        They are the times owed, without jitter. Raises NotFound, and UsageError for a `start`
        without a zone.
        """
        if start.tzinfo is None:
            raise UsageError(
                f"{start.isoformat()} has no time zone.", hint="Give an aware datetime."
            )
        job, _, name = address.partition("#")
        spec = self._job(job)
        schedules = {one.name: one for one in spec.schedules}
        if name not in schedules:
            has = ", ".join(f"{job}#{one}" for one in schedules) or "none"
            raise NotFound(f"There is no schedule {address} in the files.", hint=f"There is {has}.")
        timing = schedules[name].timing(job)
        times = times_between(timing, start, _END_OF_TIME)  # with `start`, if it is one of them
        return list(islice((at for at in times if at > start), count))

    def plan(self) -> Plan:
        """What an apply would change in the database of the settings. Raises UsageError without one."""
        with reading(process_engine(self.settings.database_url)) as connection:
            return plan_project(connection, self.desired, keyring=make_keyring(self.settings))

    def _job(self, address: str) -> JobSpec:
        for job in self.desired.jobs:
            if job.address == address:
                return job.spec
        there = ", ".join(job.address for job in self.desired.jobs) or "none"
        raise NotFound(
            f"There is no job {address} in {self.desired.root}.", hint=f"There is {there}."
        )


def open_project(folder: Path) -> ProjectUnderTest:
    """Raises ConfigurationError with all mistakes of the files, UsageError for a setting."""
    settings = load_settings(os.environ, folder)
    config = Path(settings.config) if settings.config else None
    given = Given(settings.environment, variables_of(os.environ), settings.check_tasks)
    desired = read_desired(config=config, working_directory=folder, given=given)
    return ProjectUnderTest(settings, desired)


def _as_stored(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """As they come back from the database: what JSON makes of them."""
    try:
        stored: dict[str, Any] = json.loads(json.dumps(dict(kwargs), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"A run cannot have these arguments: {error}.",
            hint="Give JSON values; the callable's type hints make dates and the like of them.",
        ) from error
    return stored
