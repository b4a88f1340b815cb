"""Several workers and a beat on servers of their own, for what takes longer than a test may."""

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from jobrunner.broker import Sender, make_app
from jobrunner.db import tables
from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.project import Project, StartedProcess, open_project
from tests.servers import empty_virtual_host, open_database, open_servers

TASKS = """
import os
import time


def brief(journal, seconds):
    with open(journal, "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(seconds)


def nothing():
    pass
"""
CELERY = (sys.executable, "-m", "celery", "-A", "jobrunner.app")


@dataclass(frozen=True)
class Fleet:
    """A project, its ledger, and the ways to put processes and runs into it."""

    project: Project
    ledger: Ledger
    sender: Sender

    @property
    def journal(self) -> Path:
        """A line for each start of `acme.brief`."""
        return self.project.path / "journal"

    def start_worker(self, name: str, *options: str) -> StartedProcess:
        """One that is ready."""
        quick = ("--without-mingle", "--without-gossip")
        worker = self.project.start_program(
            *CELERY, "worker", "-n", f"{name}@test", *quick, *options
        )
        worker.wait_for_line("ready")
        return worker

    def start_beat(self) -> StartedProcess:
        """It sends what waits to be sent, and gives back what is lost."""
        beat = self.project.start_program(*CELERY, "beat", "-S", "jobrunner")
        beat.wait_for_line("database_connected")
        return beat

    def add_brief(self, job_id: uuid.UUID) -> uuid.UUID:
        """A run that waits to be sent."""
        return self.ledger.add_run(job_id, sent_at=None)

    def send(
        self, run_ids: list[uuid.UUID], *, queue: str = "default", priority: int | None
    ) -> None:
        """Their messages, as a beat would send them."""
        self.sender.send(
            [OutgoingRun(str(run_id), 0, "test/job", queue, priority) for run_id in run_ids],
            datetime.now(UTC),
        )

    def count_runs(self, **columns: Any) -> int:
        """Runs with these values."""
        conditions = [tables.runs.c[name] == value for name, value in columns.items()]
        with self.ledger.engine.begin() as connection:
            query = select(func.count()).select_from(tables.runs).where(*conditions)
            return connection.execute(query).scalar_one()

    def count_attempts(self) -> int:
        """Of all runs."""
        with self.ledger.engine.begin() as connection:
            query = select(func.count()).select_from(tables.attempts)
            return connection.execute(query).scalar_one()


def make_fleet(project: Project, ledger: Ledger) -> Fleet:
    """On servers that are there."""
    project.write("acme.py", TASKS)
    settings = Settings(broker_url=project.environment["JOBRUNNER_BROKER_URL"])
    return Fleet(project, ledger, Sender(make_app(settings)))


@contextmanager
def open_fleet() -> Iterator[Fleet]:
    """On servers of its own, which end with the block."""
    with (
        open_servers() as servers,
        open_database(servers) as database_url,
        Supervisor() as supervisor,
    ):
        broker_url = empty_virtual_host(servers, process=0, processes=1)
        with open_project(supervisor, database_url, broker_url) as project:
            engine = make_engine(database_url, application_name="jobrunner tests")
            try:
                yield make_fleet(project, Ledger(engine))
            finally:
                engine.dispose()
