"""Many at once for one job: claims against its limit, beats against its overlap.

`python -m tests.holding.races --rounds 1000` plays more rounds than the tests do.
"""

import argparse
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from sqlalchemy import Connection, Engine, text

from jobrunner.db.attempts import Claim, ClaimedRun, Ending, claim, finish
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.holding import hold_back, release_held
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.dispatch import dispatch_due
from jobrunner.run import RunState
from tests.ledger import Ledger
from tests.seeding import HOUR, NOON, put_job
from tests.servers import open_database, open_servers

CLAIMS = 10
_SUCCEEDED = Ending(RunState.SUCCEEDED, "succeeded")


class Crowd:
    """Ten workers, each with its own connection, that do a thing at the same moment."""

    def __init__(self, engine: Engine, size: int = CLAIMS) -> None:
        self._homes = [_home(engine) for _ in range(size)]
        self._start = threading.Barrier(size)
        self._threads = ThreadPoolExecutor(size)

    def do(self, *things: Callable[[KeptConnection], object]) -> list[object]:
        """One thing each; their answers."""

        def start(home: KeptConnection, thing: Callable[[KeptConnection], object]) -> object:
            self._start.wait(timeout=30)
            return thing(home)

        return list(self._threads.map(start, self._homes, things))

    def close(self) -> None:
        self._threads.shutdown()
        for home in self._homes:
            home.close()


def _home(engine: Engine) -> KeptConnection:
    """As a worker's child has it: a connection of its own, each statement a transaction."""
    url = engine.url.render_as_string(hide_password=False)
    return KeptConnection(make_engine(url, application_name="race", pool_size=1))


def race_claims(engine: Engine, rounds: int) -> Counter[tuple[int, int]]:
    """Ten claims at once for ten runs of a job that may run one: how often (claimed, held) came."""
    ledger = Ledger(engine)
    job_id = ledger.add_job(overlap="allow", max_concurrency=1)
    crowd = Crowd(engine)
    seen: Counter[tuple[int, int]] = Counter()
    try:
        for _ in range(rounds):
            run_ids = [ledger.add_run(job_id) for _ in range(CLAIMS)]
            answers = crowd.do(*(_claiming(run_id) for run_id in run_ids))
            seen[len([a for a in answers if a is not None]), _count_held(engine)] += 1
            _end_all(engine)
    finally:
        crowd.close()
    return seen


def _claiming(run_id: uuid.UUID) -> Callable[[KeptConnection], ClaimedRun | None]:
    """What a worker does with a message: claim its run, or put it back."""
    wanted = Claim(run_id, uuid.uuid4())

    def try_claim(connection: Connection) -> ClaimedRun | None:
        return claim(connection, wanted, worker="w", pid=1)

    def do(home: KeptConnection) -> ClaimedRun | None:
        run = home.do(try_claim, patience_seconds=10)
        if run is None:
            home.do(lambda connection: hold_back(connection, run_id), patience_seconds=10)
        return run

    return do


def _count_held(engine: Engine) -> int:
    with engine.begin() as connection:
        held = text("SELECT count(*) FROM jobrunner.runs WHERE held")
        return int(connection.execute(held).scalar_one())


def _end_all(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM jobrunner.runs"))


def race_beats(engine: Engine, rounds: int) -> Counter[tuple[str, ...]]:
    """Two beats, a `skip` job with two schedules, due at one second: how often which states came."""
    put_job(engine, "twice", schedules=[{"every": "1h"}, {"cron": "0 * * * *"}], overlap="skip")
    seen: Counter[tuple[str, ...]] = Counter()
    crowd = Crowd(engine, 2)
    try:
        for number in range(rounds):
            now = NOON + number * HOUR

            def dispatch(_: KeptConnection, now: object = now) -> None:
                while dispatch_due(engine, None, now=now):  # type: ignore[arg-type]  # bound for the loop
                    pass

            crowd.do(dispatch, dispatch)
            seen[_states(engine)] += 1
            _end_all(engine)
    finally:
        crowd.close()
    return seen


def _states(engine: Engine) -> tuple[str, ...]:
    with engine.begin() as connection:
        found = connection.execute(text("SELECT state FROM jobrunner.runs ORDER BY state"))
        return tuple(found.scalars())


def drain(engine: Engine, *, runs: int, limit: int, workers: int) -> list[int]:
    """Workers that take what is released until all is done: how many ran at each claim."""
    ledger = Ledger(engine)
    job_id = ledger.add_job(overlap="allow", max_concurrency=limit)
    for number in range(runs):
        ledger.add_run(job_id, held=True, scheduled_for=NOON + timedelta(seconds=number))
    seen: list[int] = []
    threads = [threading.Thread(target=_work, args=(engine, runs, seen)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return seen


_TAKE = text("SELECT id FROM jobrunner.runs WHERE state = 'queued' AND NOT held LIMIT 1")
_DONE = text("SELECT count(*) FROM jobrunner.runs WHERE state = 'succeeded'")
_RUNNING = text("SELECT count(*) FROM jobrunner.runs WHERE state = 'running'")


def _work(engine: Engine, runs: int, seen: list[int]) -> None:
    home = _home(engine)
    while home.do(lambda c: c.execute(_DONE).scalar_one(), patience_seconds=10) < runs:
        with transaction(engine) as connection:
            release_held(connection, limit=10)
        run_id = home.do(lambda c: c.execute(_TAKE).scalar(), patience_seconds=10)
        run = None if run_id is None else _claiming(run_id)(home)
        if run is not None:
            seen.append(home.do(lambda c: c.execute(_RUNNING).scalar_one(), patience_seconds=10))
            claimed = run.claim
            home.do(lambda c: finish(c, claimed, _SUCCEEDED), patience_seconds=10)  # noqa: B023  called at once
    home.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Play them and say what came; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1_000)
    rounds = parser.parse_args(arguments).rounds
    with ExitStack() as stack:
        servers = stack.enter_context(open_servers())
        url = stack.enter_context(open_database(servers))
        engine = make_engine(url, application_name="races", pool_size=20)
        stack.callback(engine.dispose)
        claims, beats = race_claims(engine, rounds), race_beats(engine, rounds)
    print(f"(claimed, held) of ten claims at once: {dict(claims)}")  # noqa: T201
    print(f"states of two schedules and two beats: {dict(beats)}")  # noqa: T201
    return int(set(claims) != {(1, CLAIMS - 1)} or set(beats) != {("queued", "skipped")})


if __name__ == "__main__":
    sys.exit(main())
