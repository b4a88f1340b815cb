"""Figures of two recoveries: a broker that comes back empty, and a worker that is killed.

python -m tests.chaos.empty_redis --queued 1000 --rounds 3
"""

import argparse
import os
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from math import ceil

import yaml
from sqlalchemy import Engine, TextClause, text

from jobrunner.db.engine import make_engine
from tests.chaos.evidence import Entry, read_journal
from tests.chaos.load import WORK
from tests.chaos.own_servers import OwnServers, open_own_servers
from tests.chaos.stage import BEAT, WORKER, children_of
from tests.project import Project, StartedProcess, open_project
from tests.waiting import wait_until

FIRST_START_SECONDS, ALL_SENT_SECONDS, STARTS_AGAIN_SECONDS = 5.0, 20.0, 30.0
_PATIENCE_SECONDS = 180.0
_RUNS_A_ROUND = 8
_JOBS = {
    "quick": {"task": "work.works", "kwargs": {"seconds": 0.02}, "overlap": "allow"},
    "slow": {"task": "work.works", "kwargs": {"seconds": 600}, "overlap": "allow", "retry": 3},
}
_ENQUEUE = text("""
    INSERT INTO jobrunner.runs
           (id, job_id, definition_id, trigger, scheduled_for, state, queue, available_at)
    SELECT gen_random_uuid(), id, definition_id, 'manual', statement_timestamp(), 'queued',
           'default', statement_timestamp()
      FROM jobrunner.jobs, generate_series(1, :runs)
     WHERE name = :job
""")
_UNSENT = text("""
    SELECT (SELECT count(*) FROM jobrunner.runs WHERE state = 'queued' AND sent_at IS NULL)
         + (SELECT count(*) FROM jobrunner.outbox)
""")
_NOT_SENT_SINCE = text("""
    SELECT count(*) FROM jobrunner.runs
     WHERE state = 'queued' AND (sent_at IS NULL OR sent_at < :since)
""")
_SENT_SINCE = text("SELECT id FROM jobrunner.runs WHERE sent_at > :since")
_CANCEL = text("UPDATE jobrunner.runs SET cancel_requested_at = now() WHERE state = 'running'")
_LEFT = text("SELECT count(*) FROM jobrunner.runs WHERE state IN ('queued', 'running')")


class Place:
    """Two beats on servers of their own, and what the callables have said."""

    def __init__(self, project: Project, servers: OwnServers, engine: Engine) -> None:
        self.project = project
        self.servers = servers
        self.engine = engine
        self._journal = project.path / "journal"
        project.environment["CHAOS_JOURNAL"] = str(self._journal)
        project.write("work.py", WORK.read_text(encoding="utf-8"))
        document = {"version": 1, "namespace": "chaos", "jobs": _JOBS}
        project.write("jobs.d/chaos.yaml", yaml.safe_dump(document))
        assert project.call("apply", "--yes").returncode == 0
        for _ in range(2):
            project.start_program(*BEAT).wait_for_line("database_connected")

    def worker(self, name: str, *options: str) -> StartedProcess:
        process = self.project.start_program(*WORKER, "-n", f"{name}@%h", *options)
        process.wait_for_line(" ready.")
        return process

    def enqueue(self, job: str, runs: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(_ENQUEUE, {"job": job, "runs": runs})

    def count(self, query: TextClause, **values: object) -> int:
        with self.engine.begin() as connection:
            return int(connection.execute(query, values).scalar_one())

    def starts(self) -> list[Entry]:
        return [entry for entry in read_journal(self._journal) if entry.word == "START"]


def main() -> int:
    """Print the figures; 1 when one is beyond its bound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queued", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        open_own_servers() as servers,
        open_project(servers.supervisor, servers.database_url, servers.broker_url) as project,
    ):
        engine = make_engine(servers.database_url, application_name="chaos figures")
        place = Place(project, servers, engine)
        is_right = come_back_empty(place, options.queued)
        return 0 if kill_workers(place, options.rounds) and is_right else 1


def come_back_empty(place: Place, queued: int) -> bool:
    """The workers stand still until everything is sent and gone."""
    workers = [place.worker(f"drain-{number}") for number in range(2)]
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)
    place.enqueue("quick", queued)
    wait_until(lambda: place.count(_UNSENT) == 0, timeout_seconds=_PATIENCE_SECONDS)
    gone_at = datetime.now(UTC)
    place.servers.restart_broker()
    for worker in workers:
        os.kill(worker.pid, signal.SIGCONT)
    wait_until(
        lambda: place.count(_NOT_SENT_SINCE, since=gone_at) == 0, timeout_seconds=_PATIENCE_SECONDS
    )
    sent_seconds = (datetime.now(UTC) - gone_at).total_seconds()
    wait_until(lambda: place.count(_LEFT) == 0, timeout_seconds=_PATIENCE_SECONDS)
    first_seconds = _first_start(place, gone_at)
    doubled = sum(number > 1 for number in Counter(e.run_id for e in place.starts()).values())
    for worker in workers:
        worker.kill()
    _say(
        f"broker restarted empty, {queued:,} queued: first start {first_seconds:.1f} s"
        f" (≤ {FIRST_START_SECONDS:.0f}), all sent again {sent_seconds:.1f} s"
        f" (≤ {ALL_SENT_SECONDS:.0f}), called twice {doubled} (0)"
    )
    return (
        first_seconds <= FIRST_START_SECONDS and sent_seconds <= ALL_SENT_SECONDS and doubled == 0
    )


def _first_start(place: Place, gone_at: datetime) -> float:
    """Of what was sent again: what a worker had in hands already proves nothing."""
    with place.engine.begin() as connection:
        again = set(connection.execute(_SENT_SINCE, {"since": gone_at}).scalars())
    return min((e.at - gone_at).total_seconds() for e in place.starts() if e.run_id in again)


def kill_workers(place: Place, rounds: int) -> bool:
    """All processes of a worker at once, as a container ends; another one is there."""
    again: list[float] = []
    for number in range(rounds):
        again += _kill_one(place, number)
    p99 = sorted(again)[ceil(0.99 * len(again)) - 1]
    _say(
        f"worker killed, {len(again)} runs: started again p50 {sorted(again)[len(again) // 2]:.1f} s,"
        f" p99 {p99:.1f} s (≤ {STARTS_AGAIN_SECONDS:.0f})"
    )
    return p99 <= STARTS_AGAIN_SECONDS


def _kill_one(place: Place, number: int) -> list[float]:
    before = len(place.starts())
    victim = place.worker(f"victim-{number}", "-c", str(_RUNS_A_ROUND))
    place.enqueue("slow", _RUNS_A_ROUND)
    wait_until(lambda: len(place.starts()) == before + _RUNS_A_ROUND)
    other = place.worker(f"other-{number}", "-c", str(_RUNS_A_ROUND))
    killed_at = datetime.now(UTC)
    for pid in (*children_of(victim.pid), victim.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: len(place.starts()) == before + 2 * _RUNS_A_ROUND,
        timeout_seconds=_PATIENCE_SECONDS,
    )
    _end(place, other)
    started = place.starts()[before + _RUNS_A_ROUND :]
    return [(entry.at - killed_at).total_seconds() for entry in started]


def _end(place: Place, worker: StartedProcess) -> None:
    """With its runs: nobody is to start them a third time."""
    with place.engine.begin() as connection:
        connection.execute(_CANCEL)
    wait_until(lambda: place.count(_LEFT) == 0)
    worker.kill()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
