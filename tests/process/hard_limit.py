"""Runs that fork and ignore every signal, against their hard limit.

`python -m tests.process.hard_limit --rounds 100`

Each must have ended within its limit and five seconds, and leave no process behind.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from jobrunner.process_tree import descendants
from tests.ledger import Ledger
from tests.process.tasks import TASKS
from tests.project import open_project
from tests.servers import empty_virtual_host, open_database, open_servers
from tests.waiting import wait_until
from tests.worker.conftest import WORKER, Send, has_line, is_gone, make_sender

LIMIT_SECONDS = 1.0


@dataclass(frozen=True)
class Round:
    """One run that did all it could to stay."""

    seconds_over_limit: float
    """From its limit until it and all its processes were gone."""
    left: int
    """Processes that were still there five seconds after that, and strangers below the worker."""


def hard_limit_rounds(
    worker_pid: int, send: Send, ledger: Ledger, folder: Path, *, rounds: int
) -> list[Round]:
    """One after the other."""
    return [
        _one_round(worker_pid, send, ledger, folder / f"pids-{number}") for number in range(rounds)
    ]


def _one_round(worker_pid: int, send: Send, ledger: Ledger, file: Path) -> Round:
    run_id = send(
        "acme.forks_and_ignores_signals", args=[str(file)], timeout=f"{LIMIT_SECONDS:.0f}s"
    )
    wait_until(lambda: ledger.state(run_id) == "running" and has_line(file))
    begun = time.monotonic()
    wait_until(lambda: ledger.state(run_id) == "failed", timeout_seconds=LIMIT_SECONDS + 15)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids), timeout_seconds=15)
    # Its pool's one child, and the next one beside it for a moment.
    wait_until(lambda: len(descendants(worker_pid)) == 1, timeout_seconds=15)
    over = time.monotonic() - begun - LIMIT_SECONDS
    return Round(over, sum(not is_gone(pid) for pid in pids))


def main() -> None:
    """Print one line a round, and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    with (
        Supervisor() as supervisor,
        open_servers() as servers,
        open_database(servers) as database_url,
        tempfile.TemporaryDirectory() as folder,
    ):
        broker_url = empty_virtual_host(servers, process=0, processes=1)
        with open_project(supervisor, database_url, broker_url) as project:
            project.write("acme.py", TASKS)
            worker = project.start_program(*WORKER, "-c", "1")
            worker.wait_for_line("ready")
            engine = make_engine(database_url, application_name="hard limit")
            ledger = Ledger(engine)
            send = make_sender(ledger, broker_url)
            made = hard_limit_rounds(worker.pid, send, ledger, Path(folder), rounds=rounds)
            engine.dispose()
            worker.kill_if_alive()
    worst = max(one.seconds_over_limit for one in made)
    left = sum(one.left for one in made)
    print(f"{rounds} rounds: at most {worst:.2f} s over the limit, {left} processes left")  # noqa: T201


if __name__ == "__main__":
    main()
