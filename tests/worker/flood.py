"""A run with priority meets a flood of others: `python -m tests.worker.flood --runs 10000`."""

import argparse
import sys
import uuid
from dataclasses import dataclass

from tests.waiting import wait_until
from tests.worker.fleet import Fleet, open_fleet

BAR_SECONDS = 1.0


@dataclass(frozen=True)
class Flooded:
    """How long a run waited that was sent while so many others were waiting."""

    waiting: int
    same_queue_seconds: float
    """With priority 9 in the same queue."""
    other_queue_seconds: float
    """In another queue that the worker serves as well."""

    @property
    def is_good(self) -> bool:
        return max(self.same_queue_seconds, self.other_queue_seconds) <= BAR_SECONDS


def flood(fleet: Fleet, *, runs: int) -> Flooded:
    """A worker with two processes serves both queues; the flood has priority 0."""
    job_id = fleet.ledger.add_job("acme.nothing")
    low = [fleet.ledger.add_run(job_id, priority=0) for _ in range(runs)]
    fleet.send(low, priority=0)
    fleet.start_worker("w", "-c", "2", "-Q", "default,other")
    wait_until(lambda: fleet.count_runs(state="succeeded") > runs // 100)
    same = _seconds_until_start(fleet, job_id, queue="default", priority=9)
    other = _seconds_until_start(fleet, job_id, queue="other", priority=None)
    return Flooded(fleet.count_runs(state="queued"), same, other)


def _seconds_until_start(
    fleet: Fleet, job_id: uuid.UUID, *, queue: str, priority: int | None
) -> float:
    run_id = fleet.ledger.add_run(job_id, queue=queue, priority=priority)
    fleet.send([run_id], queue=queue, priority=priority)
    wait_until(lambda: fleet.ledger.run(run_id)["started_at"] is not None)
    run = fleet.ledger.run(run_id)
    return float((run["started_at"] - run["created_at"]).total_seconds())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    with open_fleet() as fleet:
        flooded = flood(fleet, runs=runs)
    sys.stdout.write(
        f"still waiting {flooded.waiting} of {runs}   started after: "
        f"priority 9 {flooded.same_queue_seconds:.3f} s, "
        f"other queue {flooded.other_queue_seconds:.3f} s, bar {BAR_SECONDS:.0f} s\n"
    )
    return 0 if flooded.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
