"""What the tables must hold, worked out in the plainest words from what happened and when.

Nothing here comes from the product but the names of its states.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.promises.definitions import NAMESPACE, DefinedSchedule, Job
from tests.promises.due_times import Due, due_after

NONE = timedelta(0)


@dataclass
class Row:
    """A run as it is compared."""

    state: str
    trigger: str = "schedule"
    held: bool = False
    missed_count: int | None = None
    missed_until: datetime | None = None


@dataclass
class Pause:
    """An operator's act."""

    scope: str
    target: str
    start: datetime
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)

    def holds(self, name: str, job: Job) -> bool:
        named = {"job": f"{NAMESPACE}/{name}", "namespace": NAMESPACE, "queue": "default"}
        return self.target in job.tags if self.scope == "tag" else named[self.scope] == self.target


def work_time(key: str, nominal: datetime) -> timedelta | None:
    """How long the run of that time takes; None: for ever. Most are over at once."""
    hashed = hashlib.sha256(f"{key} {nominal.isoformat()}".encode()).digest()
    lot, length = hashed[0] / 256, int.from_bytes(hashed[1:5]) / 2**32
    if lot < 0.01:
        return None
    if lot < 0.15:
        return timedelta(days=3) * length
    return timedelta(hours=3) * length if lot < 0.4 else NONE


RunKey = tuple[str, datetime]
"""A schedule, as `job#schedule`, and a nominal time."""


@dataclass
class Model:
    """All that is known. `now` moves with what happens."""

    now: datetime
    jobs: dict[str, Job] = field(default_factory=dict)
    rows: dict[RunKey, Row] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)
    started: list[tuple[datetime | None, RunKey]] = field(default_factory=list)
    """Runs that were sent and are not over, and when they will be."""
    next: dict[str, Due | None] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    _coming: dict[str, Iterator[Due]] = field(default_factory=dict)
    _known: dict[str, Job] = field(default_factory=dict)
    """Jobs that are gone, too, as they were last."""
    _waiting: dict[str, list[RunKey]] = field(default_factory=dict)
    """Held runs by job."""
    _paused_rows: dict[tuple[str, int], Row] = field(default_factory=dict)

    # --- What happens ---

    def tick(self) -> None:
        """A scheduler looks at the clock."""
        self._fire(self._due(self.now, self.next), self.now)

    def work(self) -> None:
        """Runs end whose time has come, and those that waited for them start, until all is quiet."""
        while any(end is not None and end <= self.now for end, _ in self.started):
            self._end({key for end, key in self.started if end is not None and end <= self.now})
            self.release()

    def release(self) -> None:
        """Held runs that need not wait any more are sent, the oldest of each job first."""
        for name, waiting in self._waiting.items():
            waiting.sort(key=lambda run: run[1])
            while waiting and self._is_free(name, waiting[0]):
                run = waiting.pop(0)
                self.rows[run].held = False
                self._send(run)

    def cancel_all(self) -> None:
        """An operator ends all runs that go on, but not those that wait for them."""
        self._end({key for _, key in self.started}, "cancelled")
        self.release()

    def apply(self, jobs: Mapping[str, Job]) -> None:
        """Old definitions get what they owe, and the new ones count from now."""
        changed = [name for name in {**self.jobs, **jobs} if self.jobs.get(name) != jobs.get(name)]
        mine = [key for key in self.next if key.partition("#")[0] in changed]
        self._fire(self._due(self.now, mine), self.now)
        new = _timings(jobs)
        moved = [key for key in {**_timings(self.jobs), **new} if self._is_moved(key, new)]
        for key in moved:
            self._start_without_jitter(key, new)
        self.jobs = dict(jobs)
        self._known |= jobs
        for key in moved:
            self._begin(key, new.get(key))
        self.release()

    # --- Due times ---

    def _due(self, now: datetime, keys: Mapping[str, object] | Sequence[str]) -> list[str]:
        due = [(found.run_at, key) for key in keys if (found := self.next[key]) is not None]
        return [key for run_at, key in sorted(due) if run_at <= now]

    def _is_moved(self, key: str, new: Mapping[str, DefinedSchedule]) -> bool:
        old = _timings(self.jobs).get(key)
        now = new.get(key)
        return (old and old.schedule) != (now and now.schedule)

    def _start_without_jitter(self, key: str, new: Mapping[str, DefinedSchedule]) -> None:
        """A nominal time that has passed is owed; a schedule that is switched off owes it not."""
        due = self.next.get(key)
        has_future = key in new and next(due_after(new[key].schedule, _full(key), self.now), None)
        if due is not None and due.nominal <= self.now and has_future:
            self._fire([key], due.run_at)

    def _begin(self, key: str, defined: DefinedSchedule | None) -> None:
        is_done = defined is not None and self._runs_left(key, defined) == 0
        schedule = None if defined is None or is_done else defined.schedule
        self._coming[key] = (
            iter(()) if schedule is None else due_after(schedule, _full(key), self.now)
        )
        self.next[key] = next(self._coming[key], None)

    def _runs_left(self, key: str, defined: DefinedSchedule) -> int | None:
        if defined.max_runs is None:
            return None
        return max(defined.max_runs - self.fired.get(key, 0), 0)

    # --- Which times run ---

    def _fire(self, keys: Sequence[str], now: datetime) -> None:
        for key in keys:
            name, _, schedule_name = key.partition("#")
            job = self.jobs[name]
            defined = job.schedules[schedule_name]
            passed = self._take_passed(key, now)
            pauses = self._pauses(name, job, [due.nominal for due in passed], now)
            open_times = [due for due in passed if due.nominal not in pauses]
            fresh = [due.nominal for due in open_times if due.run_at >= now - defined.grace]
            old = [due.nominal for due in open_times if due.run_at < now - defined.grace]
            overdue = _caught_up(job, old, now, has_fresh=bool(fresh))
            self._record(key, job, passed, pauses, overdue, fresh)

    def _take_passed(self, key: str, now: datetime) -> list[Due]:
        passed = []
        while (due := self.next[key]) is not None and due.run_at <= now:
            passed.append(due)
            self.next[key] = next(self._coming[key], None)
        return passed

    def _pauses(
        self, name: str, job: Job, times: Sequence[datetime], now: datetime
    ) -> dict[datetime, int]:
        """Times that a pause keeps from running: in it, or passed while nobody looked before it."""
        mine = [n for n, pause in enumerate(self.pauses) if pause.holds(name, job)]
        in_force = [n for n in mine if self.pauses[n].covers(now)]
        found = {}
        for time in times:
            for n in [n for n in mine if self.pauses[n].covers(time)] or in_force:
                found[time] = n
        return found

    def _record(
        self,
        key: str,
        job: Job,
        passed: Sequence[Due],
        pauses: Mapping[datetime, int],
        overdue: Sequence[datetime],
        fresh: Sequence[datetime],
    ) -> None:
        running = [*overdue, *fresh]
        left = self._runs_left(key, job.schedules[key.partition("#")[2]])
        if left is not None and len(running) >= left:
            running = running[:left]
            passed = [due for due in passed if running and due.nominal <= running[-1]]
            self.next[key] = None
        self.fired[key] = self.fired.get(key, 0) + len(running)
        in_order = job.policy == "all" and bool(set(overdue) & set(running))
        for nominal in running:
            is_newest = nominal == running[-1]
            self._start(key, nominal, job, in_order=in_order, is_newest=is_newest)
            self.rows[key, nominal].trigger = "catch_up" if nominal in overdue else "schedule"
        self._record_missed(key, [due.nominal for due in passed], set(running), pauses)

    def _record_missed(
        self,
        key: str,
        passed: Sequence[datetime],
        running: set[datetime],
        pauses: Mapping[datetime, int],
    ) -> None:
        """One row for times in a row with one cause; one for each pause, however long."""
        before: tuple[Row, int | None] | None = None
        for nominal in passed:
            if nominal in running:
                before = None
                continue
            pause = pauses.get(nominal)
            row = before[0] if before and before[1] == pause else None
            if pause is not None:
                row = row or self._paused_rows.get((key, pause))
            if row is None:
                row = self.rows[key, nominal] = Row("missed", missed_count=0)
            if pause is not None:
                self._paused_rows[key, pause] = row
            row.missed_count = (row.missed_count or 0) + 1
            row.missed_until = nominal
            before = row, pause

    # --- How a run starts and ends ---

    def _start(
        self, key: str, nominal: datetime, job: Job, *, in_order: bool, is_newest: bool
    ) -> None:
        name = key.partition("#")[0]
        going_on, waiting = self._going_on(name), len(self._waiting.get(name, ()))
        run = key, nominal
        is_in_the_way = {
            "skip": bool(going_on or waiting or not is_newest),
            "queue": bool(waiting),
            "allow": False,
        }[job.overlap]
        if is_in_the_way and not in_order:
            self.rows[run] = Row("skipped")
        elif self._must_wait(job, going_on, waiting, in_order=in_order):
            self.rows[run] = Row("queued", held=True)
            self._waiting.setdefault(name, []).append(run)
        else:
            self.rows[run] = Row("queued")
            self._send(run)

    def _must_wait(self, job: Job, going_on: int, waiting: int, *, in_order: bool) -> bool:
        if job.max_concurrency is not None and going_on >= job.max_concurrency:
            return True
        if in_order or job.overlap == "queue":
            return bool(going_on or waiting)
        # `allow` alone starts whatever waits, which an earlier policy may have left behind.
        return bool(waiting) and (job.policy == "all" or job.max_concurrency is not None)

    def _is_free(self, name: str, run: RunKey) -> bool:
        """It waits alone, or for a place."""
        job, going_on = self._known[name], self._going_on(name)
        if self.rows[run].trigger == "catch_up" or job.overlap != "allow":
            return going_on == 0
        return job.max_concurrency is None or going_on < job.max_concurrency

    def _send(self, run: RunKey) -> None:
        time = work_time(*run)
        self.started.append((None if time is None else self.now + time, run))

    def _end(self, runs: set[RunKey], state: str = "succeeded") -> None:
        self.started = [entry for entry in self.started if entry[1] not in runs]
        for run in runs:
            self.rows[run].state = state

    def _going_on(self, name: str) -> int:
        return sum(key.partition("#")[0] == name for _, (key, _) in self.started)


def _caught_up(
    job: Job, old: Sequence[datetime], now: datetime, *, has_fresh: bool
) -> list[datetime]:
    """Of the times that are more than a little late, those that run all the same."""
    in_window = [time for time in old if job.window is None or now - time <= job.window]
    if job.policy == "all":
        return in_window[-(job.most or len(in_window)) :]
    return in_window[-1:] if job.policy == "latest" and not has_fresh else []


def _timings(jobs: Mapping[str, Job]) -> dict[str, DefinedSchedule]:
    """What fires at all, by `job#schedule`."""
    return {
        f"{name}#{schedule_name}": defined
        for name, job in jobs.items()
        for schedule_name, defined in job.schedules.items()
        if job.is_enabled and defined.is_enabled
    }


def _full(key: str) -> str:
    return f"{NAMESPACE}/{key}"
