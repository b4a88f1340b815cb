"""Checks the ledger: was every due time kept, once, and is every run over or under way?

rows ──judge── due times of the oracle ──► findings, each with its place and what to type
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from jobrunner.db import ledger
from jobrunner.db.engine import Limits, change_limits, database_now, of_one_moment, transaction
from jobrunner.db.ledger import Interval, LedgerSchedule, OddRun
from jobrunner.errors import NotFound, first_line
from jobrunner.judge import Fault, Judged, Span, judge
from jobrunner.oracle import make_oracle
from jobrunner.zone_data import zone_data_version

_LIMITS = Limits(
    statement_timeout_seconds=600.0, lock_timeout_seconds=10.0, idle_timeout_seconds=600.0
)
"""Idle: a year of due times is computed between two pages of rows."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold."""

    address: str
    """`namespace/job#schedule`, or a job's address for one run."""
    first: datetime | None
    """Of the due times concerned, or the scheduled time of the run; None: it is of no time."""
    last: datetime | None
    count: int
    what: str
    hint: str
    """What to do, or where to look."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what does not hold."""

    since: datetime | None
    """Only later times were looked at; None: all that the ledger still has."""
    now: datetime
    schedules: int
    due: int
    runs: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Nothing was found."""
        return not self.findings


def check_ledger(
    engine: Engine,
    *,
    addresses: Sequence[str] = (),
    since: datetime | None = None,
    now: datetime | None = None,
) -> Checked:
    """Check the schedules and runs of these jobs, or of all; each schedule in a snapshot of its own.

    `now` None is the database's clock. Raises NotFound for an address that never was.
    """
    with transaction(engine) as connection:
        now = now or database_now(connection)
        schedules = ledger.read_schedules(connection, addresses)
        _check_known(connection, addresses, schedules)
    findings: list[Finding] = []
    due = 0
    for schedule in schedules:
        with _snapshot(engine) as connection:
            checked = _check_schedule(connection, schedule, since, now)
        findings += checked.findings
        due += checked.due
    with _snapshot(engine) as connection:
        odd = ledger.odd_runs(connection, addresses, since=since, now=now)
        findings += [_odd(run) for run in odd]
        runs = ledger.count_runs(connection, addresses, since=since)
    return Checked(since, now, len(schedules), due, runs, tuple(findings))


def _check_known(
    connection: Connection, addresses: Sequence[str], schedules: Sequence[LedgerSchedule]
) -> None:
    found = {schedule.address.partition("#")[0] for schedule in schedules}
    for address in addresses:
        if address not in found and not ledger.is_job(connection, address):
            raise NotFound(
                f"There is and was no job {address}.", hint="`jobrunner list` shows those in force."
            )


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads of one moment, and may take its time."""
    with transaction(of_one_moment(engine)) as connection:
        change_limits(connection, _LIMITS)
        yield connection


@dataclass(frozen=True, slots=True)
class _Checked:
    due: int
    findings: list[Finding]


def _check_schedule(
    connection: Connection, found: LedgerSchedule, since: datetime | None, now: datetime
) -> _Checked:
    schedule = ledger.read_schedule(connection, found.id)
    intervals = ledger.read_intervals(connection, found.id)
    findings = list(_check_state(schedule, intervals))
    try:
        spans = _spans(schedule, intervals)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        return _Checked(0, [*findings, _unreadable(schedule, error)])
    whole_after = _whole_after(schedule, intervals, since)
    fired = ledger.count_fired(connection, schedule.id, after=whole_after)
    if fired > schedule.total_run_count:
        findings.append(_undercounted(schedule, fired))
    judged = Judged(
        spans=spans,
        whole_after=whole_after,
        now=now,
        next_scheduled_for=schedule.next_scheduled_for,
        fired_before=max(schedule.total_run_count - fired, 0),
    )
    verdict = judge(judged, ledger.read_rows(connection, schedule.id, after=whole_after))
    findings += [_finding(schedule, fault, _note(intervals, spans)) for fault in verdict.faults]
    return _Checked(verdict.due, findings)


def _spans(schedule: LedgerSchedule, intervals: Sequence[Interval]) -> list[Span]:
    begins = {interval.started_at for interval in intervals}
    return [
        Span(
            oracle=make_oracle(interval.spec, interval.address or schedule.address),
            started_at=interval.started_at,
            ended_at=interval.ended_at,
            is_followed=interval.ended_at in begins,
        )
        for interval in intervals
    ]


def _whole_after(
    schedule: LedgerSchedule, intervals: Sequence[Interval], since: datetime | None
) -> datetime | None:
    """From when on the ledger has every row. Of the time before spans were written nothing is known."""
    known = [schedule.kept_from, since]
    if intervals and not intervals[0].zone_data:
        known.append(intervals[0].started_at)
    return max((moment for moment in known if moment is not None), default=None)


def _check_state(schedule: LedgerSchedule, intervals: Sequence[Interval]) -> Iterator[Finding]:
    is_in_force = any(interval.ended_at is None for interval in intervals)
    if schedule.error is not None and not schedule.is_deleted:
        yield _of_schedule(
            schedule,
            f"has no next time: {schedule.error}",
            "Mend its YAML and apply it; the beats try it again each minute.",
        )
    if schedule.next_scheduled_for is not None and not is_in_force:
        yield _of_schedule(
            schedule,
            "has a next time, though it is not in force",
            "Somebody has changed its row by hand; an apply of an edit to its timing resets it.",
        )
    if schedule.is_deleted and is_in_force:
        yield _of_schedule(
            schedule,
            "is deleted, and in force all the same",
            "Somebody has changed its row by hand; apply it, and delete it again.",
        )


def _unreadable(schedule: LedgerSchedule, error: Exception) -> Finding:
    return _of_schedule(
        schedule,
        f"has a stored definition that cannot be read: {first_line(error)}",
        "Its due times cannot be told. Somebody has changed its spans by hand, or a newer version has.",
    )


def _undercounted(schedule: LedgerSchedule, fired: int) -> Finding:
    return _of_schedule(
        schedule,
        f"counts {schedule.total_run_count} runs, and has {fired}",
        "Somebody has changed the count or added runs by hand; `max_runs` goes by it.",
    )


def _of_schedule(schedule: LedgerSchedule, what: str, hint: str) -> Finding:
    return Finding(schedule.address, None, None, 1, what, hint)


def _note(intervals: Sequence[Interval], spans: Sequence[Span]) -> str:
    """Other time zone data may be all there is to a finding."""
    here = zone_data_version()
    others = {
        interval.zone_data
        for interval, span in zip(intervals, spans, strict=True)
        if span.oracle.reads_zone_data and interval.zone_data not in {"", here}
    }
    if not others:
        return ""
    return (
        f" It was computed with time zone data {', '.join(sorted(others))}, this check with {here}:"
        " that alone may be the difference."
    )


def _finding(schedule: LedgerSchedule, fault: Fault, note: str) -> Finding:
    one = fault.count == 1
    where = f"jobrunner runs list {schedule.address.partition('#')[0]}"
    match fault.kind:
        case "missing":
            what = "was due and has no run" if one else f"{fault.count:,} due times have no run"
            span = f"--from {_typed(fault.first)} --to {_typed(fault.last + _SECOND)}"
            hint = f"Run what is missing: jobrunner backfill {schedule.address} {span}"
        case "overdue":
            what = "is owed and not recorded yet"
            what = what if one else f"{fault.count:,} times are owed and not recorded yet"
            hint = "Is a beat at work? `jobrunner status` says so."
        case "not_due":
            what = "has a run and was not due" if one else f"{fault.count:,} runs were not due"
            hint = f"Their time, or the schedule, was changed by hand; look at it: {where}"
        case "miscounted":
            much = f"{abs(fault.count):,} {'more' if fault.count > 0 else 'less'}"
            what = f"the missed run of this span stands for {much} than were due in it"
            hint = f"Rows of the span were added or removed by hand; look at it: {where}"
        case "too_many":
            what = "runs beyond max_runs" if one else f"{fault.count:,} runs are beyond max_runs"
            hint = f"Their time, or the count, was changed by hand; look at it: {where}"
    return Finding(schedule.address, fault.first, fault.last, fault.count, what, hint + note)


def _typed(moment: datetime) -> str:
    """As it is typed."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _odd(run: OddRun) -> Finding:
    return Finding(
        address=run.address,
        first=run.scheduled_for,
        last=run.scheduled_for,
        count=1,
        what=f"run {run.run_id} {run.what}",
        hint=f"Look at it: jobrunner runs show {run.run_id}",
    )
