"""What must hold whatever was killed: the journal of the callables against the ledger.

`faults` may be asked at any moment. What only time can show, a run that never ends or a due time
without a row, is asked at the end by `unfinished` and by the product's own `fsck`.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from jobrunner.run import LOST_IN_A_ROW_MAX, RunState
from tests.chaos.evidence import Attempt, Entry, Evidence, Run

LATE = timedelta(seconds=20)
"""A frozen beat keeps others from its schedules for 5 s; the rest is for a busy machine."""
_OUTAGE_REACHES = timedelta(seconds=10)
_CLOCKS_AGREE = timedelta(milliseconds=5)
"""Of the callable and of the database, on one machine; the journal rounds to a microsecond."""

Kind = Literal["lost", "doubled", "other"]


@dataclass(frozen=True)
class Fault:
    """A broken promise."""

    kind: Kind
    what: str


RetriesWhenLost = Callable[[str], int]
"""By the name of a job."""


def faults(evidence: Evidence, retries_when_lost: RetriesWhenLost) -> Iterator[Fault]:
    """What may never be, neither in the middle nor at the end."""
    known = _Known(evidence)
    yield from _doubled_rows(evidence.runs)
    yield from _doubled_starts(evidence.journal)
    yield from _strangers(evidence.journal, known)
    yield from _completions(known)
    for run in evidence.runs:
        yield from _attempts(run, known)
        if run.state == RunState.LOST:
            yield from _given_up(run, known.attempts[run.id], retries_when_lost(run.job))
    yield from _causeless(evidence)
    yield from _late(evidence)


def unfinished(evidence: Evidence) -> Iterator[Fault]:
    """When everything has been left alone for long: whom nobody has brought to an end."""
    for run in evidence.runs:
        if not RunState(run.state).is_final:
            yield Fault("lost", f"{_named(run)} is still {run.state}")
    ids = {run.id for run in evidence.runs}
    for key, run_id in (evidence.answers or {}).items():
        if run_id not in ids:
            yield Fault(
                "lost", f"the request {key} was answered with run {run_id}, which is not there"
            )


class _Known:
    """The same by run and attempt."""

    def __init__(self, evidence: Evidence) -> None:
        self.runs = {run.id: run for run in evidence.runs}
        self.attempts: dict[uuid.UUID, list[Attempt]] = defaultdict(list)
        for attempt in evidence.attempts:
            self.attempts[attempt.run_id].append(attempt)
        self.by_number = {(a.run_id, a.number): a for a in evidence.attempts}
        self.said: dict[tuple[str, uuid.UUID, int], Entry] = {
            (entry.word, entry.run_id, entry.attempt): entry for entry in evidence.journal
        }


def _doubled_rows(runs: Sequence[Run]) -> Iterator[Fault]:
    slots = Counter((r.job, r.schedule_id, r.scheduled_for) for r in runs if r.schedule_id)
    for (job, _, scheduled_for), number in slots.items():
        if number > 1:
            yield Fault("doubled", f"{job} has {number} rows for {scheduled_for:%H:%M:%S}")


def _doubled_starts(journal: Sequence[Entry]) -> Iterator[Fault]:
    started = Counter((e.run_id, e.attempt) for e in journal if e.word == "START")
    for (run_id, attempt), number in started.items():
        if number > 1:
            yield Fault("doubled", f"attempt {attempt} of run {run_id} was started {number} times")


def _strangers(journal: Sequence[Entry], known: _Known) -> Iterator[Fault]:
    """A call that the ledger knows nothing of, or of another process."""
    for entry in journal:
        attempt = known.by_number.get((entry.run_id, entry.attempt))
        if attempt is None:
            yield Fault("other", f"{_call(entry)} is unknown to the ledger")
        elif attempt.pid != entry.pid:
            yield Fault("doubled", f"{_call(entry)} was claimed by process {attempt.pid}")


def _completions(known: _Known) -> Iterator[Fault]:
    """Two ends of one run are right only where the first one's process could not say so any more."""
    for (word, run_id, number), entry in known.said.items():
        attempt = known.by_number.get((run_id, number))
        if word != "END" or attempt is None:
            continue
        if attempt.state == "failed":
            yield Fault("other", f"{_call(entry)} came to its end, and stands as failed")
        elif attempt.state == "succeeded" and _is_before(attempt, entry):
            yield Fault("doubled", f"{_call(entry)} stood as succeeded before it was")


def _is_before(attempt: Attempt, entry: Entry) -> bool:
    return attempt.finished_at is not None and attempt.finished_at < entry.at - _CLOCKS_AGREE


def _attempts(run: Run, known: _Known) -> Iterator[Fault]:
    attempts = known.attempts[run.id]
    succeeded = [attempt for attempt in attempts if attempt.state == "succeeded"]
    if len(succeeded) > 1:
        yield Fault("doubled", f"{_named(run)} has {len(succeeded)} attempts that succeeded")
    for attempt in succeeded:
        if ("END", run.id, attempt.number) not in known.said:
            yield Fault("lost", f"{_named(run)} stands as succeeded and never came to its end")
    for earlier, later in pairwise(attempts):
        yield from _again(run, earlier, later, known)


def _again(run: Run, earlier: Attempt, later: Attempt, known: _Known) -> Iterator[Fault]:
    """A second start needs a first that failed, as its callable has said, or that is lost."""
    if earlier.state == "failed" and ("FAIL", run.id, earlier.number) not in known.said:
        yield Fault("other", f"attempt {earlier.number} of {_named(run)} failed: {earlier.error}")
    elif earlier.state not in {"failed", "lost"}:
        yield Fault("doubled", f"{_named(run)} was started again, and was {earlier.state}")
    elif earlier.finished_at is None or later.started_at < earlier.finished_at:
        yield Fault("doubled", f"{_named(run)} was started again before its attempt was over")


def _given_up(run: Run, attempts: Sequence[Attempt], retries: int) -> Iterator[Fault]:
    in_a_row = 0
    for attempt in attempts:
        in_a_row = in_a_row + 1 if attempt.state == "lost" else 0
    if not in_a_row:
        yield Fault("lost", f"{_named(run)} stands as lost, and its last attempt does not")
    elif len(attempts) <= retries and in_a_row < LOST_IN_A_ROW_MAX:
        yield Fault("lost", f"{_named(run)} was given up with retries left")


def _causeless(evidence: Evidence) -> Iterator[Fault]:
    touched: dict[int, list[datetime]] = defaultdict(list)
    for touch in evidence.touches:
        touched[touch.pid].append(touch.at)
    for attempt in evidence.attempts:
        if attempt.state == "lost" and not any(
            attempt.finished_at is None or at <= attempt.finished_at for at in touched[attempt.pid]
        ):
            yield Fault(
                "other",
                f"attempt {attempt.number} of run {attempt.run_id} stands as lost, "
                f"and nobody has touched its process {attempt.pid}",
            )


def _late(evidence: Evidence) -> Iterator[Fault]:
    for run in evidence.runs:
        if run.schedule_id is None or run.created_at - run.scheduled_for <= LATE:
            continue
        if not any(
            outage.start <= run.created_at and run.scheduled_for <= outage.end + _OUTAGE_REACHES
            for outage in evidence.outages
        ):
            seconds = (run.created_at - run.scheduled_for).total_seconds()
            yield Fault("other", f"{_named(run)} was recorded {seconds:.1f} s late")


def _named(run: Run) -> str:
    return f"run {run.id} of {run.job} for {run.scheduled_for:%H:%M:%S}"


def _call(entry: Entry) -> str:
    return f"attempt {entry.attempt} of run {entry.run_id} in process {entry.pid}"
