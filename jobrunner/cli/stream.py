"""The live stream: one line an event, with time, symbol, what, and what it amounts to."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobrunner.cli.diagnostic_text import count, report_lines
from jobrunner.cli.layout import text
from jobrunner.cli.plan_text import change_lines, closing_line
from jobrunner.cli.style import pad, style, symbol
from jobrunner.cli.times import clock, distance, took
from jobrunner.db.runs import Run, StreamedRun
from jobrunner.errors import ConfigurationError
from jobrunner.reconcile import Applied
from jobrunner.run import RunState
from jobrunner.watch import ConfigState, Outcome

_SUBJECT_COLUMNS = 26
_LONG_RUN = timedelta(seconds=2)
"""A run that goes on for longer is announced before its end."""
_LINES_A_LOOK = 40
_CHANGES_IN_FULL = 10
"""Of more changes than this, each has one line."""
_CHANGES_SHOWN = 40
_REMEMBERED = 5_000


def event_line(at: datetime, mark: str, subject: str, words: str) -> str:
    """`12:00:10  ● ops/disk-report        42 ms`."""
    named = pad(text(subject), _SUBJECT_COLUMNS)
    return f"{style(clock(at), 'quiet')}  {mark} {named}  {words}".rstrip()


def outcome_lines(outcome: Outcome, at: datetime, *, dry_run: bool = False) -> list[str]:
    """What has become of the files: the diff that is in force now, or why nothing was changed."""
    if outcome.applied is not None:
        return _applied_lines(outcome.applied, at, dry_run=dry_run)
    error = outcome.error
    if error is None:
        return []
    state = {
        ConfigState.INVALID: "invalid; the last good state stays in force",
        ConfigState.REFUSED: "not applied; this waits for a person",
    }.get(outcome.state, "not applied yet; it is tried again")
    lines = [event_line(at, style("✕", "bad"), "files", style(state, "bad"))]
    if isinstance(error, ConfigurationError) and error.diagnostics:
        return [*lines, *(f"  {line}".rstrip() for line in report_lines(error.diagnostics))]
    lines.append(f"  {style('error:', 'bad')} {text(error.message)}")
    return [*lines, f"  {style('→', 'quiet')} {text(error.hint)}"] if error.hint else lines


def _applied_lines(applied: Applied, at: datetime, *, dry_run: bool) -> list[str]:
    plan = applied.plan
    if plan.is_empty and not plan.jobs_after:
        words = "no job yet; `jobrunner init` writes a first one"
        return [event_line(at, style("○", "warn"), "files", words)]
    if plan.is_empty:
        words = f"in force: {count(plan.jobs_after, 'job')}, revision {plan.base_revision}"
        return [event_line(at, style("●", "good"), "files", words)]
    done = "would change (dry run)" if dry_run else f"applied as revision {applied.revision}"
    lines = [event_line(at, style("●", "good"), "files", style(done, "strong"))]
    shown = [change_lines(change, plan.now) for change in plan.changes[:_CHANGES_SHOWN]]
    if len(plan.changes) > _CHANGES_IN_FULL:
        shown = [change[:1] for change in shown]
    lines += [line for change in shown for line in change]
    more = len(plan.changes) - len(shown)
    if more > 0:
        lines.append(style(f"  … and {count(more, 'more change')}", "quiet"))
    return [*lines, f"  {closing_line(plan)}"]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the stream has said of a run that is not over."""

    failed_attempt: int = 0
    started_attempt: int = 0


class RunStream:
    """Turns looks at the runs into lines, each event once. Remembers the newest ends it has told."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        """Ends before this are history, not news."""
        self._active: dict[uuid.UUID, _Told] = {}
        self._ended: OrderedDict[uuid.UUID, None] = OrderedDict()

    @property
    def watched(self) -> Sequence[uuid.UUID]:
        """Runs whose end is still to be told."""
        return list(self._active)

    def lines(self, seen: Iterable[StreamedRun]) -> list[str]:
        """The lines of what is new in this look; a flood is cut and counted."""
        told = [line for one in seen if (line := self._line(one)) is not None]
        if len(told) <= _LINES_A_LOOK:
            return told
        more = f"… and {count(len(told) - _LINES_A_LOOK, 'more run')}"
        return [*told[:_LINES_A_LOOK], style(more, "quiet")]

    def _line(self, seen: StreamedRun) -> str | None:
        run = seen.run
        if RunState(run.state).is_final:
            return self._end(seen)
        told = self._active.setdefault(run.id, _Told())
        if run.state == RunState.QUEUED and run.attempt > told.failed_attempt:
            self._active[run.id] = _Told(run.attempt, told.started_attempt)
            return _retry_line(seen)
        if run.state == RunState.RUNNING and run.attempt > told.started_attempt:
            return self._start(seen, told)
        return None

    def _start(self, seen: StreamedRun, told: _Told) -> str | None:
        run = seen.run
        if run.started_at is None or seen.now - run.started_at < _LONG_RUN:
            return None
        self._active[run.id] = _Told(told.failed_attempt, run.attempt)
        attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
        return event_line(run.started_at, symbol("running"), run.address, f"running{attempt}")

    def _end(self, seen: StreamedRun) -> str | None:
        run = seen.run
        self._active.pop(run.id, None)
        if run.id in self._ended or run.finished_at is None or run.finished_at < self._since:
            return None
        self._ended[run.id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        return event_line(run.finished_at, symbol(run.state), run.address, _end_words(seen))


def _retry_line(seen: StreamedRun) -> str:
    run = seen.run
    words = f"attempt {run.attempt} failed: {text(run.error)}"
    again = f"again {distance(run.available_at, seen.now)}"
    return event_line(seen.now, style("✕", "warn"), run.address, f"{words}   {again}")


def _end_words(seen: StreamedRun) -> str:
    run = seen.run
    coming = "" if seen.next_run_at is None else f"next {_when(seen.next_run_at, seen.now)}"
    if run.state == RunState.SUCCEEDED:
        attempt = f"  attempt {run.attempt}" if run.attempt > 1 else ""
        return f"{_took(run):>9}{attempt}   {style(coming, 'quiet')}".rstrip()
    if run.state == RunState.MISSED:
        words = f"missed {run.missed_count or 1} times: {text(run.error)}"
    else:
        lasted = f" after {_took(run)}" if run.duration is not None else ""
        words = f"{run.state}{lasted}" + (f": {text(run.error)}" if run.error else "")
    return f"{words}   {style(coming, 'quiet')}".rstrip()


def _took(run: Run) -> str:
    return "" if run.duration is None else took(run.duration)


def _when(moment: datetime, now: datetime) -> str:
    local = moment.astimezone()
    return clock(moment) if local.date() == now.astimezone().date() else f"{local:%a %d %b %H:%M}"
