"""Years of random schedules, restarts, edits and pauses on a real database, against a plain model.

    python -m tests.promises.ten_years --years 10 --schedules 20 --seed 1

The clock is an argument: a year takes a minute or two. The same things happen to the product and to
`model.Model`, and afterwards every row has to be the same.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine, text

from jobrunner.db.engine import make_engine, transaction
from jobrunner.dispatch import dispatch_due, send_unsent
from jobrunner.recover import end_or_free_waiting_runs
from jobrunner.run import OutgoingRun
from tests.promises.definitions import NAMESPACE, Job, edited, random_job, random_jobs
from tests.promises.model import Model, Pause, Row, RunKey, work_time
from tests.reconcile.acme import Reconciler
from tests.servers import open_database, open_servers

START = datetime(2017, 1, 1, tzinfo=UTC)
_SECOND, _HOUR, _DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
_SHOWN = 20

_ROWS = text("""
    SELECT j.name || '#' || s.name AS key, r.scheduled_for, r.state, r.trigger, r.held,
           r.missed_count, r.missed_until
      FROM jobrunner.runs AS r
      JOIN jobrunner.schedules AS s ON s.id = r.schedule_id
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     ORDER BY r.scheduled_for
""")
_RUNS = text("""
    SELECT r.id, j.name || '#' || s.name AS key, r.scheduled_for
      FROM jobrunner.runs AS r
      JOIN jobrunner.schedules AS s ON s.id = r.schedule_id
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE r.id = ANY(CAST(:ids AS uuid[]))
""")
_NEXT = text("SELECT min(next_run_at) FROM jobrunner.schedules")
_COUNTS = text("""
    SELECT j.name || '#' || s.name AS key, s.total_run_count, s.next_scheduled_for
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
""")
_END = text("""
    UPDATE jobrunner.runs SET state = :state, finished_at = now()
     WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'queued' AND NOT held
""")
_PAUSE = text("""
    INSERT INTO jobrunner.pauses (scope, target, paused_by, started_at)
    VALUES (:scope, :target, 'ops', :start)
""")
_RESUME = text("UPDATE jobrunner.pauses SET ended_at = :end WHERE ended_at IS NULL")


# --- The product ------------------------------------------------------------------------------------


@dataclass
class Product:
    """The product's flows, with a clock and workers of our own."""

    engine: Engine
    now: datetime
    started: dict[str, datetime | None] = field(default_factory=dict)
    """Runs that were sent and are not over, and when they will be."""
    messages: dict[str, int] = field(default_factory=dict)
    _sent: list[str] = field(default_factory=list)

    def tick(self) -> None:
        while dispatch_due(self.engine, self._send, now=self.now):
            pass
        self._take_sent()

    def work(self) -> None:
        while ended := [i for i, end in self.started.items() if end and end <= self.now]:
            self._end(ended, "succeeded")
            self._release()

    def cancel_all(self) -> None:
        self._end(list(self.started), "cancelled")
        self._release()

    def apply(self, jobs: Mapping[str, Job]) -> None:
        defined = [job.defined(name) for name, job in sorted(jobs.items())]
        Reconciler(self.engine, project=NAMESPACE).apply(*defined, now=self.now)
        self._release()

    def pause(self, pause: Pause) -> None:
        self._execute(_PAUSE, scope=pause.scope, target=pause.target, start=pause.start)

    def resume(self) -> None:
        self._execute(_RESUME, end=self.now)

    def next_event(self) -> datetime | None:
        """When a schedule is due next, or a run ends."""
        with transaction(self.engine) as connection:
            due = connection.execute(_NEXT).scalar_one()
        return min((at for at in (due, *self.started.values()) if at is not None), default=None)

    def rows(self) -> dict[RunKey, Row]:
        with transaction(self.engine) as connection:
            return {
                (row.key, row.scheduled_for): Row(
                    row.state, row.trigger, row.held, row.missed_count, row.missed_until
                )
                for row in connection.execute(_ROWS)
            }

    def counts(self) -> dict[str, tuple[int, datetime | None]]:
        """Runs so far and the next nominal time, by schedule."""
        with transaction(self.engine) as connection:
            found = connection.execute(_COUNTS)
            return {row.key: (row.total_run_count, row.next_scheduled_for) for row in found}

    def _send(self, runs: Sequence[OutgoingRun], _: datetime) -> None:
        self._sent += [str(run.run_id) for run in runs]

    def _release(self) -> None:
        while end_or_free_waiting_runs(self.engine):
            pass
        while send_unsent(self.engine, self._send):
            pass
        self._take_sent()

    def _take_sent(self) -> None:
        if not self._sent:
            return
        with transaction(self.engine) as connection:
            for run in connection.execute(_RUNS, {"ids": self._sent}):
                length = work_time(run.key, run.scheduled_for)
                self.started[str(run.id)] = None if length is None else self.now + length
        for run_id in self._sent:
            self.messages[run_id] = self.messages.get(run_id, 0) + 1
        self._sent.clear()

    def _end(self, run_ids: Sequence[str], state: str) -> None:
        self._execute(_END, ids=list(run_ids), state=state)
        for run_id in run_ids:
            del self.started[run_id]

    def _execute(self, statement: object, **values: object) -> None:
        with transaction(self.engine) as connection:
            connection.execute(statement, values)  # type: ignore[call-overload]  # a constant above


# --- The world --------------------------------------------------------------------------------------


@dataclass
class World:
    """What happens, to both alike. `source` decides everything."""

    source: random.Random
    product: Product
    model: Model
    jobs: int = 0
    """About so many have something coming."""
    events: int = 0

    def begin(self, schedules: int) -> None:
        jobs = random_jobs(self.source, schedules, START)
        self.jobs = len(jobs)
        self._apply(jobs)

    def live_until(self, end: datetime) -> None:
        while self.model.now < end:
            self._step()

    def differences(self) -> list[str]:
        """What is not as it should be, the earliest first."""
        ours, owed = self.product.rows(), self.model.rows
        differing = sorted(
            (run for run in {*ours, *owed} if ours.get(run) != owed.get(run)), key=lambda r: r[1]
        )
        found = [f"{k} {at}: {ours.get((k, at))}, not {owed.get((k, at))}" for k, at in differing]
        found += [f"{i} was sent {n} times" for i, n in self.product.messages.items() if n > 1]
        for key, (count, following) in self.product.counts().items():
            due = self.model.next.get(key)
            expected = self.model.fired.get(key, 0), due and due.nominal
            if (count, following) != expected:
                found.append(f"{key} has fired and is next {count, following}, not {expected}")
        return found

    def _step(self) -> None:
        """To the next event, or a bit or far beyond it, and something may happen on the way."""
        soon = self.model.now + 30 * _DAY
        following = min(self.product.next_event() or soon, soon)
        lot = self.source.random()
        late = timedelta(0)
        if lot < 0.2:
            late = self.source.choice((_SECOND, 59 * _SECOND, 61 * _SECOND)) * self.source.random()
        elif lot < 0.23:
            late = (
                self.source.choice((_HOUR, 10 * _HOUR, 3 * _DAY, 21 * _DAY)) * self.source.random()
            )
        moment = max(following, self.model.now) + late
        # After an outage an edit may come before the schedulers have caught up.
        if self.source.random() < (0.3 if late > _HOUR else 0.03):
            self._something_at(self._between(moment))
        if self._open_pause and self.source.random() < 0.1:
            self._resume_at(self._between(moment))
        self._at(max(moment, self.model.now))
        self._both("work")
        self._both("tick")
        self._both("work")

    def _between(self, moment: datetime) -> datetime:
        """Some time up to then, or just before the schedulers have seen what is due then."""
        share = self.source.choice((0.0, 1.0, self.source.random(), self.source.random()))
        return self.model.now + (moment - self.model.now) * share

    def _something_at(self, moment: datetime) -> None:
        self._at(moment)
        self._both("work")
        lot = self.source.random()
        if lot < 0.5:
            self._edit(moment)
        elif lot < 0.8:
            self._both("cancel_all")
        elif not self._open_pause:
            self._pause(moment)
        self._both("work")

    def _edit(self, moment: datetime) -> None:
        jobs = self.model.jobs
        alive = {key.partition("#")[0] for key, due in self.model.next.items() if due is not None}
        if len(alive) >= 0.7 * self.jobs:
            self._apply(edited(self.source, jobs, moment))
            return
        gone = self.source.choice([*(name for name in sorted(jobs) if name not in alive), ""])
        new = {f"new-{self.events}": random_job(self.source, 1, moment)}
        self._apply({name: job for name, job in jobs.items() if name != gone} | new)

    def _apply(self, jobs: Mapping[str, Job]) -> None:
        self._each(lambda one: one.apply(jobs))

    @property
    def _open_pause(self) -> Pause | None:
        return next((pause for pause in self.model.pauses if pause.end is None), None)

    def _pause(self, moment: datetime) -> None:
        """One at a time: of two that hold the same job either may be named as the cause."""
        name = self.source.choice(sorted(self.model.jobs))
        targets = {"job": f"{NAMESPACE}/{name}", "namespace": NAMESPACE, "queue": "default"}
        scope, target = self.source.choice([*targets.items(), ("tag", "nightly")])
        pause = Pause(scope, target, moment)
        self.product.pause(pause)
        self.model.pauses.append(pause)

    def _resume_at(self, moment: datetime) -> None:
        self._at(moment)
        for pause in self.model.pauses:
            pause.end = pause.end or moment
        self.product.resume()

    def _at(self, moment: datetime) -> None:
        self.product.now = self.model.now = moment
        self.events += 1

    def _both(self, what: str) -> None:
        self._each(lambda one: getattr(one, what)())

    def _each(self, act: Callable[[Product | Model], None]) -> None:
        act(self.product)
        act(self.model)


def make_world(engine: Engine, *, schedules: int, seed: int) -> World:
    """A world at its beginning: so many schedules are defined."""
    source = random.Random(seed)  # noqa: S311  cases, no secrets
    world = World(source, Product(engine, START), Model(START))
    world.begin(schedules)
    return world


# --- As a script -----------------------------------------------------------------------------------


def main() -> int:
    """Print a line a year, and what is different; 1 when something is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write = partial(print, flush=True)
    with ExitStack() as stack:
        servers = stack.enter_context(open_servers())
        engine = make_engine(
            stack.enter_context(open_database(servers)), application_name="promises"
        )
        stack.callback(engine.dispose)
        world = make_world(engine, schedules=options.schedules, seed=options.seed)
        for line in _live(world, options.years):
            write(line)
        found = world.differences()
    for line in (f"seed {options.seed}: {len(found)} differences", *found[:_SHOWN]):
        write(line)
    return 1 if found else 0


def _live(world: World, years: float) -> Iterator[str]:
    started = time.monotonic()
    end = START + years * 365.25 * _DAY
    while world.model.now < end:
        world.live_until(min(end, world.model.now + 365.25 * _DAY / 4))
        found = world.differences()
        yield (
            f"{world.model.now:%Y-%m-%d}  {time.monotonic() - started:6.0f} s  "
            f"{world.events} events, {len(world.model.rows)} rows, {len(found)} differences"
        )
        if found:
            return


if __name__ == "__main__":
    sys.exit(main())
