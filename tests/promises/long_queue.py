"""Runs that wait long in the broker, for want of a worker, must not be sent twice for it.

python -m tests.promises.long_queue --runs 100000 --minutes 10 --beats 2
"""

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import Engine, text

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.project import Project, open_project
from tests.promises.message_log import MessageLog, open_message_log
from tests.servers import empty_virtual_host, open_database, open_servers
from tests.waiting import wait_until

_JOBS = """\
version: 1
namespace: promise
jobs:
  waits: {task: work.nothing, overlap: allow}
"""
_SENT_SECONDS = 120.0
_PROGRESS_SECONDS = 30.0

# Three queues, and priorities as well as none: each pair of them is a list of its own in the broker.
_INSERT = text("""
    INSERT INTO jobrunner.runs
           (id, job_id, definition_id, trigger, scheduled_for, state, queue, priority, available_at)
    SELECT gen_random_uuid(), j.id, j.definition_id, 'manual', statement_timestamp(), 'queued',
           'queue-' || n % 3, nullif(n % 7, 0), statement_timestamp()
      FROM jobrunner.jobs AS j, generate_series(1, :runs) AS n
""")


@dataclass
class Outcome:
    """What the broker has seen."""

    runs: int
    sent: int
    """Runs with a message."""
    sent_again: int
    looks: int
    """How often the beats have looked for lost messages."""


class LongQueue:
    """So many runs wait, and beats look after them."""

    def __init__(
        self, project: Project, engine: Engine, log: MessageLog, *, runs: int, beats: int
    ) -> None:
        self._runs = runs
        self._log = log
        project.write("work.py", "def nothing() -> None:\n    pass\n")
        project.write("jobs.d/promise.yaml", _JOBS)
        applied = project.call("apply", "--yes")
        assert applied.returncode == 0, applied.stderr
        with engine.begin() as connection:
            connection.execute(_INSERT, {"runs": runs})
        for _ in range(beats):
            project.start("beat")
        wait_until(lambda: len(log.arrivals) == runs, timeout_seconds=_SENT_SECONDS)

    def outcome(self) -> Outcome:
        """Up to now."""
        return Outcome(
            runs=self._runs,
            sent=len(self._log.arrivals),
            sent_again=sum(len(times) > 1 for times in list(self._log.arrivals.values())),
            looks=self._log.looks,
        )


def main() -> int:
    """Print a line each half minute; 1 when something was sent twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--beats", type=int, default=2)
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = stack.enter_context(open_servers())
        database_url = stack.enter_context(open_database(servers))
        broker_url = empty_virtual_host(servers, process=0, processes=1)
        supervisor = stack.enter_context(Supervisor())
        project = stack.enter_context(open_project(supervisor, database_url, broker_url))
        engine = make_engine(database_url, application_name="promises")
        stack.callback(engine.dispose)
        log = stack.enter_context(open_message_log(broker_url))
        queue = LongQueue(project, engine, log, runs=options.runs, beats=options.beats)
        outcome = _watch(queue, options.minutes * 60)
    return 1 if outcome.sent_again or outcome.sent != outcome.runs else 0


def _watch(queue: LongQueue, seconds: float) -> Outcome:
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        print(f"{passed:6.0f} s  {queue.outcome()}", flush=True)  # noqa: T201
        time.sleep(min(_PROGRESS_SECONDS, seconds - passed))
    print(f"at the end {queue.outcome()}", flush=True)  # noqa: T201
    return queue.outcome()


if __name__ == "__main__":
    sys.exit(main())
