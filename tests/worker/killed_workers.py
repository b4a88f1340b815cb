"""From SIGKILL of a worker to the next start of its run.

`python -m tests.worker.killed_workers --kills 20` prints how long it took.
"""

import argparse
import sys
import time
import uuid

from tests.project import StartedProcess
from tests.waiting import wait_until
from tests.worker.fleet import Fleet, open_fleet

BAR_SECONDS = 30.0
_AT_ONCE = 5
_LONG_SECONDS = 600


def kill_workers(fleet: Fleet, *, kills: int) -> list[float]:
    """Seconds from each kill to the start of the second attempt, by the database's clock."""
    fleet.start_beat()
    seconds: list[float] = []
    while len(seconds) < kills:
        seconds += _one_round(fleet, min(_AT_ONCE, kills - len(seconds)))
    return seconds


def _one_round(fleet: Fleet, kills: int) -> list[float]:
    job_id = fleet.ledger.add_job(
        "acme.brief",
        name=uuid.uuid4().hex,
        args=[str(fleet.journal), _LONG_SECONDS],
        on_lost="retry",
    )
    victims = []
    for number in range(kills):  # one after the other: each gets one run
        victim = fleet.start_worker(f"victim{number}", "-c", "1")
        run_id = fleet.add_brief(job_id)
        wait_until(lambda run_id=run_id: fleet.ledger.state(run_id) == "running")  # type: ignore[misc]
        victims.append((victim, run_id))
    rescuer = fleet.start_worker("rescuer", "-c", str(kills))
    killed_at = [_kill(victim) for victim, _ in victims]
    for _, run_id in victims:
        wait_until(lambda run_id=run_id: _attempt(fleet, run_id) == 2, timeout_seconds=60.0)  # type: ignore[misc]
    starts = [fleet.ledger.run(run_id)["started_at"].timestamp() for _, run_id in victims]
    fleet.ledger.cancel_running()
    wait_until(lambda: fleet.count_runs(state="running") == 0)
    rescuer.kill_if_alive()
    return [start - killed for start, killed in zip(starts, killed_at, strict=True)]


def _kill(victim: StartedProcess) -> float:
    victim.kill()  # the database's clock is this machine's
    killed_at = time.time()
    victim.wait()
    return killed_at


def _attempt(fleet: Fleet, run_id: uuid.UUID) -> int:
    return int(fleet.ledger.run(run_id)["attempt"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    with open_fleet() as fleet:
        seconds = sorted(kill_workers(fleet, kills=kills))
    p99 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    sys.stdout.write(
        f"kills {len(seconds)}   starts again after: p50 {seconds[len(seconds) // 2]:.1f} s, "
        f"p99 {p99:.1f} s, bar {BAR_SECONDS:.0f} s\n"
    )
    return 0 if p99 <= BAR_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
