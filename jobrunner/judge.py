"""Holds the rows of one schedule against the times that must have been due: what does not agree.

Both come in order of time and are looked at once, so a year of a busy schedule needs no memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from typing import Literal

from jobrunner.oracle import Oracle, due_times
from jobrunner.slots import MISSED_WALK_MAX

_INSTANT = timedelta(microseconds=1)

Kind = Literal["missing", "overdue", "not_due", "miscounted", "too_many"]


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a schedule was in force as it stood."""

    oracle: Oracle
    started_at: datetime
    """Due times after this instant count."""
    ended_at: datetime | None
    """And up to this one; None: still in force."""
    is_followed: bool
    """Another begins where it ends. Without one, what waited for its jitter did not start."""


@dataclass(frozen=True, slots=True)
class Row:
    """A run of a schedule's own, as the ledger has it."""

    scheduled_for: datetime
    is_missed: bool
    missed_count: int | None
    missed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One schedule: what is known of it, and from when to when the ledger is whole."""

    spans: Sequence[Span]
    whole_after: datetime | None
    """Older rows may be deleted; None: none is."""
    now: datetime
    next_scheduled_for: datetime | None
    fired_before: int
    """Runs it had up to `whole_after`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not agree, at one time or at several in a row."""

    kind: Kind
    first: datetime
    last: datetime
    count: int


@dataclass(slots=True)
class Verdict:
    """What the judge has seen; complete when its faults have been walked through."""

    due: int = 0
    rows: int = 0
    faults: list[Fault] = field(default_factory=list)


def judge(judged: Judged, rows: Iterable[Row]) -> Verdict:
    """`rows` in order of time. Each due time has one of its own, or lies in the span of a missed one."""
    verdict = Verdict()
    accuracy = max((span.oracle.accuracy for span in judged.spans), default=timedelta(0))
    walk = _Walk(judged, verdict, accuracy)
    events = merge(_due(judged), _sorted(rows), key=lambda event: event.at)
    waiting: list[_Event] = []
    for event in events:
        # A row and its due time lie side by side, or as far apart as the oracle is accurate.
        while waiting and event.at - waiting[0].at > accuracy:
            walk.take(waiting)
        waiting.append(event)
    while waiting:
        walk.take(waiting)
    walk.close()
    return verdict


@dataclass(frozen=True, slots=True)
class _Event:
    """A due time or a row."""

    at: datetime
    row: Row | None = None
    is_optional: bool = False
    """Due, but too young, or too near to the end of its span, for its row to be there for sure."""
    max_runs: int | None = None


def _sorted(rows: Iterable[Row]) -> Iterator[_Event]:
    for row in rows:
        yield _Event(row.scheduled_for, row)


def _due(judged: Judged) -> Iterator[_Event]:
    for span in judged.spans:
        oracle = span.oracle
        start = max(span.started_at, judged.whole_after or span.started_at) + _INSTANT
        end = min(span.ended_at or judged.now, judged.now) + _INSTANT
        sure_until = judged.now - oracle.jitter - oracle.misfire_grace
        if span.ended_at is not None and not span.is_followed:
            sure_until = min(sure_until, span.ended_at - oracle.jitter)
        for at in due_times(oracle, start, end):
            yield _Event(at, is_optional=at > sure_until, max_runs=oracle.max_runs)


@dataclass(slots=True)
class _MissedSpan:
    """One missed row, or several that overlap."""

    first: datetime
    until: datetime
    count: int
    is_exact: bool
    seen: int = 0


class _Walk:
    """Goes through due times and rows in order of time."""

    def __init__(self, judged: Judged, verdict: Verdict, accuracy: timedelta) -> None:
        self._judged = judged
        self._verdict = verdict
        self._accuracy = accuracy
        self._fired = judged.fired_before
        self._missed: _MissedSpan | None = None
        self._fault: Fault | None = None

    def take(self, waiting: list[_Event]) -> None:
        """The oldest event, and its other half if that waits, too."""
        first = waiting.pop(0)
        is_row = first.row is not None
        other = next((e for e in waiting if (e.row is not None) != is_row), None)
        if other is not None:
            waiting.remove(other)
        due, holder = (other, first) if is_row else (first, other)
        if due is not None:
            self._verdict.due += 1
        if holder is not None and holder.row is not None:
            self._take_row(holder.row, due)
        elif due is not None:
            self._take_due_alone(due)

    def close(self) -> None:
        """Nothing comes any more."""
        self._end_missed()
        self._add(None)

    def _take_row(self, row: Row, due: _Event | None) -> None:
        self._verdict.rows += 1
        self._end_missed(before=row.scheduled_for)
        whole_after = self._judged.whole_after
        if row.is_missed:
            self._begin_missed(row)
        else:
            self._fired += 1
        if whole_after is not None and row.scheduled_for <= whole_after:
            return  # a missed row that reaches into the time that is looked at
        if due is None:
            self._add("not_due", row.scheduled_for)
        elif not row.is_missed and due.max_runs is not None and self._fired > due.max_runs:
            self._add("too_many", row.scheduled_for)
        else:
            self._add(None)

    def _take_due_alone(self, due: _Event) -> None:
        self._end_missed(before=due.at)
        if self._missed is not None:
            self._missed.seen += 1
        elif not due.is_optional and (due.max_runs is None or self._fired < due.max_runs):
            owed_from = self._judged.next_scheduled_for
            is_owed = owed_from is not None and due.at >= owed_from
            self._add("overdue" if is_owed else "missing", due.at)

    def _begin_missed(self, row: Row) -> None:
        until, count = row.missed_until or row.scheduled_for, row.missed_count or 1
        whole_after = self._judged.whole_after
        # Of a very long gap the product counts the first part and estimates the rest.
        is_exact = count < MISSED_WALK_MAX and not (
            (whole_after is not None and row.scheduled_for <= whole_after)
            or (row.missed_until is None and count > 1)
        )
        if self._missed is None:
            self._missed = _MissedSpan(row.scheduled_for, until, count, is_exact, seen=1)
        else:
            self._missed.until = max(self._missed.until, until)
            self._missed.count += count
            self._missed.is_exact &= is_exact
            self._missed.seen += 1

    def _end_missed(self, *, before: datetime | None = None) -> None:
        missed = self._missed
        if missed is None or (before is not None and before <= missed.until + self._accuracy):
            return
        self._missed = None
        if missed.is_exact and missed.seen != missed.count:
            fault = Fault("miscounted", missed.first, missed.until, missed.count - missed.seen)
            self._verdict.faults.append(fault)

    def _add(self, kind: Kind | None, at: datetime | None = None) -> None:
        """One more, or the next of the same in a row; None: something that is right."""
        fault = self._fault
        if fault is not None and fault.kind == kind and at is not None:
            self._fault = Fault(kind, fault.first, at, fault.count + 1)
            return
        if fault is not None:
            self._verdict.faults.append(fault)
        self._fault = None if kind is None or at is None else Fault(kind, at, at, 1)
