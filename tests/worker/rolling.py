"""Workers are restarted under load, one after the other: `python -m tests.worker.rolling --restarts 50`.

Nothing may be lost, nothing may start twice, and each worker has to be gone within its grace time
and five seconds.
"""

import argparse
import sys
import threading
import time
from dataclasses import dataclass

from tests.waiting import wait_until
from tests.worker.fleet import Fleet, open_fleet

GRACE_SECONDS = 10.0
TASK_SECONDS = 0.3
RUNS_A_SECOND = 6.0
_SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Rolled:
    """What came of it."""

    runs: int
    succeeded: int
    attempts: int
    starts: int
    """By the callables' own journal."""
    exit_seconds: tuple[float, ...]

    @property
    def is_good(self) -> bool:
        """Each run has started once and ended, and each worker was gone in time."""
        return (
            self.runs == self.succeeded == self.attempts == self.starts
            and max(self.exit_seconds) <= GRACE_SECONDS + 5.0
        )


def roll(fleet: Fleet, *, restarts: int) -> Rolled:
    """Restart two workers in turn while runs go on."""
    fleet.project.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = str(GRACE_SECONDS)
    job_id = fleet.ledger.add_job("acme.brief", args=[str(fleet.journal), TASK_SECONDS])
    fleet.start_beat()
    workers = [fleet.start_worker(f"w{number}", "-c", "2") for number in range(2)]
    enough = threading.Event()

    def feed() -> None:
        while not enough.wait(1.0 / RUNS_A_SECOND):
            fleet.add_brief(job_id)

    feeder = threading.Thread(target=feed)
    feeder.start()
    exit_seconds = []
    try:
        for number in range(restarts):
            turn = number % 2
            begun = time.monotonic()
            workers[turn].terminate()
            workers[turn].wait(timeout_seconds=GRACE_SECONDS + 10.0)
            exit_seconds.append(time.monotonic() - begun)
            workers[turn] = fleet.start_worker(f"w{turn}", "-c", "2")
            sys.stderr.write(f"restart {number + 1} of {restarts}: {exit_seconds[-1]:.2f} s\n")
    finally:
        enough.set()
        feeder.join()
    runs = fleet.count_runs()
    wait_until(
        lambda: fleet.count_runs(state="queued") + fleet.count_runs(state="running") == 0,
        timeout_seconds=_SETTLE_SECONDS,
    )
    return Rolled(
        runs=runs,
        succeeded=fleet.count_runs(state="succeeded"),
        attempts=fleet.count_attempts(),
        starts=len(fleet.journal.read_text(encoding="utf-8").splitlines()),
        exit_seconds=tuple(exit_seconds),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=50)
    restarts = parser.parse_args().restarts
    with open_fleet() as fleet:
        rolled = roll(fleet, restarts=restarts)
    exits = sorted(rolled.exit_seconds)
    sys.stdout.write(
        f"restarts {len(exits)}   runs {rolled.runs}   succeeded {rolled.succeeded}   "
        f"attempts {rolled.attempts}   starts {rolled.starts}\n"
        f"exit: median {exits[len(exits) // 2]:.2f} s, longest {exits[-1]:.2f} s, "
        f"bar {GRACE_SECONDS + 5.0:.0f} s\n{'good' if rolled.is_good else 'BAD'}\n"
    )
    return 0 if rolled.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
