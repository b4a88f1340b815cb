"""Many schedules that are due at the same second: how long until all their messages are there."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import limit
from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure
from benchmarks.load import due_at_once
from benchmarks.onlooker import Onlooker
from benchmarks.schedulers import (
    DATABASE_SCHEDULERS,
    LIMIT,
    TWO_BEATS,
    Limit,
    Scheduler,
)
from benchmarks.watched import watched

SIZES = ((1_000, 10_000), (10_000, 100_000))
"""(due, schedules)"""
STOP_AFTER_SECONDS = 30.0
ROUNDS = 3
_LONG_SECONDS = 10.0
_AFTERWARDS_SECONDS = 0.5
"""Whoever sends twice has done it by then."""


@dataclass(frozen=True)
class Burst:
    """What came of one. `seconds` are from the due second to the last message that came in time."""

    messages: int
    seconds: float
    is_complete: bool

    @property
    def a_second(self) -> float:
        """Messages, on the average."""
        return self.messages / self.seconds


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """For each size everybody, one after the other, and how they compare."""
    for due, schedules in SIZES[: 1 if bench.is_quick else None]:
        what = f"{due:,} due at the same second of {schedules:,}"
        bursts: dict[str, Burst] = {}
        for scheduler in schedulers:
            burst = bursts[scheduler.name] = _median_burst(bench, scheduler, due, schedules)
            yield _seconds_figure(f"{what}: all messages in Redis", scheduler.name, burst)
        for name, burst in bursts.items():
            yield Figure(f"{what}: messages", burst.a_second, "a second", name)
        yield from _ratios(what, bursts)
        if LIMIT in bursts:
            yield from _limits_of_the_servers(bench, due)


def run_burst(bench: Bench, scheduler: Scheduler, *, due: int, schedules: int) -> Burst:
    """One, of a scheduler that was at rest."""
    with watched(
        bench, scheduler, resting=schedules - due, timed=lambda at: due_at_once(due, at=at)
    ) as ready:
        burst = _watch(ready.onlooker, due, ready.begins_at)
        numbers = list(scheduler.numbers_of(ready.place, ready.onlooker.arrivals()))
    if len(set(numbers)) < len(numbers) or (burst.is_complete and len(numbers) != due):
        raise SystemExit(
            f"{scheduler.name} sent {len(numbers):,} messages of {len(set(numbers)):,} schedules, "
            f"of {due:,} that were due: such a figure would mean nothing."
        )
    return burst


def _watch(onlooker: Onlooker, due: int, due_at: float) -> Burst:
    is_complete = onlooker.wait_for(due, until=due_at + STOP_AFTER_SECONDS)
    time.sleep(_AFTERWARDS_SECONDS)
    lengths = onlooker.stop()
    if not lengths:
        return Burst(0, STOP_AFTER_SECONDS, is_complete=False)
    if is_complete:
        return Burst(
            due, next(at for at, length in lengths if length >= due) - due_at, is_complete=True
        )
    return Burst(lengths[-1][1], lengths[-1][0] - due_at, is_complete=False)


def _median_burst(bench: Bench, scheduler: Scheduler, due: int, schedules: int) -> Burst:
    """Of three; one that takes long is told from the others without them."""
    bursts: list[Burst] = []
    while len(bursts) < (1 if bench.is_quick else ROUNDS):
        bursts.append(run_burst(bench, scheduler, due=due, schedules=schedules))
        if bursts[-1].seconds > _LONG_SECONDS:
            return bursts[-1]
    return sorted(bursts, key=lambda burst: burst.seconds)[len(bursts) // 2]


def _seconds_figure(what: str, name: str, burst: Burst) -> Figure:
    note = ""
    if not burst.is_complete:
        note = f"at least: stopped at {burst.messages:,} messages"
    at_most = 0.8 if name == JOBRUNNER and burst.messages == 10_000 else None
    return Figure(what, burst.seconds, "s", name, at_most=at_most, note=note)


def _ratios(what: str, bursts: Mapping[str, Burst]) -> Iterator[Figure]:
    ours = bursts.get(JOBRUNNER)
    if ours is None:
        return
    judged = ours.messages == 10_000
    rates = {name: burst.a_second for name, burst in bursts.items() if burst.messages}
    database = [rates[name] for name in DATABASE_SCHEDULERS if name in rates]
    compared = (
        ("jobrunner against the best Celery database scheduler", max(database, default=0), 200),
        ("jobrunner against the limit", rates.get(LIMIT, 0), 0.4),
    )
    for words, rate, bar in compared:
        if rate:
            ratio = ours.a_second / rate
            yield Figure(f"{what}: {words}", ratio, "times", at_least=bar if judged else None)
    if TWO_BEATS in rates:
        ratio = rates[TWO_BEATS] / ours.a_second
        words = "two beats against one"
        yield Figure(f"{what}: {words}", ratio, "times", at_least=1.5 if judged else None)


def _limits_of_the_servers(bench: Bench, due: int) -> Iterator[Figure]:
    with Limit().open(bench, due) as place:
        pushes = limit.pushes_a_second(place.broker_url, messages=due)
        inserts = limit.inserts_a_second(place.database_url, rows=due)
    yield Figure(f"LPUSH of 500 values, pipelined, {due:,} messages", pushes, "a second", LIMIT)
    yield Figure(
        f"INSERT of {due:,} runs from unnest, by {limit.BATCH:,}", inserts, "a second", LIMIT
    )
