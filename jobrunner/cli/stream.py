"""The live stream: one line an event, with time, symbol, what, and what it amounts to."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobrunner.cli.change_text import change_lines, widths_of
from jobrunner.cli.diagnostic_text import count, diagnostic_lines, report_lines
from jobrunner.cli.layout import text
from jobrunner.cli.notifier_text import notifier_lines
from jobrunner.cli.plan_text import closing_line
from jobrunner.cli.revision_text import flapping_words
from jobrunner.cli.style import pad, style, symbol
from jobrunner.db.runs import Run, StreamedRun
from jobrunner.errors import ConfigurationError
from jobrunner.reconcile import Applied
from jobrunner.run import RunState
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.watch import ConfigState, Outcome
from jobrunner.wording.times import clock, delay, so_far, took

_SUBJECT_COLUMNS = 22
_LONG_RUN = timedelta(seconds=2)
"""A run that goes on for longer is announced before its end."""
_LINES_A_LOOK = 40
_CHANGES_IN_FULL = 10
"""Of more changes than this, each has one line."""
_CHANGES_SHOWN = 40
_WARNINGS_SHOWN = 10
_REMEMBERED = 5_000
_PASSED_OVER = frozenset({RunState.SKIPPED, RunState.MISSED})


def event_line(at: datetime, mark: str, subject: str, words: str) -> str:
    """`12:00:10  ● ops/disk-report        42 ms`."""
    named = pad(text(subject), _SUBJECT_COLUMNS)
    return f"{style(clock(at), 'quiet')}  {mark} {named}  {words}".rstrip()


class FilesStream:
    """Turns what becomes of the files into lines. A warning is told when it is new, not at each save."""

    def __init__(self, *, dry_run: bool = False, takes_new_queues: bool = False) -> None:
        """With `takes_new_queues` a worker of the same process serves a queue as soon as a job has it."""
        self._dry_run = dry_run
        self._takes_new_queues = takes_new_queues
        self._warned: frozenset[str] = frozenset()

    def lines(self, outcome: Outcome, at: datetime) -> list[str]:
        """The diff that is in force now, or why nothing was changed."""
        if outcome.applied is None:
            return _problem_lines(outcome, at)
        plan = outcome.applied.plan
        warnings = tuple(one for one in plan.diagnostics if self._holds(one))
        new = [one for one in warnings if one.message not in self._warned]
        self._warned = frozenset(one.message for one in warnings)
        applied = replace(outcome.applied, plan=replace(plan, diagnostics=warnings))
        return _applied_lines(applied, at, new, dry_run=self._dry_run)

    def _holds(self, warning: Diagnostic) -> bool:
        """That the name of a queue may be a slip holds whoever serves it."""
        return not (
            self._takes_new_queues
            and warning.code == "W208"
            and warning.help.startswith("start one")
        )


def _problem_lines(outcome: Outcome, at: datetime) -> list[str]:
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


def _applied_lines(
    applied: Applied, at: datetime, warnings: Sequence[Diagnostic], *, dry_run: bool
) -> list[str]:
    plan = applied.plan
    if plan.is_empty and not plan.jobs_after:
        words = "no job yet; `jobrunner init` writes a first one"
        return [event_line(at, style("○", "warn"), "files", words)]
    if plan.is_empty:
        words = f"in force: {count(plan.jobs_after, 'job')}, revision {plan.base_revision}"
        return [event_line(at, style("●", "good"), "files", words), *_warning_lines(warnings)]
    done = "would change (dry run)" if dry_run else f"applied as revision {applied.revision}"
    lines = [event_line(at, style("●", "good"), "files", style(done, "strong"))]
    first = plan.changes[:_CHANGES_SHOWN]
    widths = widths_of(first)
    shown = [change_lines(change, plan, widths) for change in first]
    if len(plan.changes) > _CHANGES_IN_FULL:
        shown = [change[:1] for change in shown]
    lines += notifier_lines(plan.notifiers)
    lines += [line for change in shown for line in change]
    more = len(plan.changes) - len(shown)
    if more > 0:
        lines.append(style(f"  … and {count(more, 'more change')}", "quiet"))
    lines += [*_warning_lines(warnings), f"  {closing_line(plan)}"]
    return lines + _flapping_lines(applied)


def _flapping_lines(applied: Applied) -> list[str]:
    if not applied.is_flapping or applied.revision is None:
        return []
    message, hint = flapping_words(applied.revision)
    return [f"  {style('warning:', 'warn')} {message}", f"  {style('→', 'quiet')} {hint}"]


def _warning_lines(warnings: Sequence[Diagnostic]) -> list[str]:
    shown = warnings[:_WARNINGS_SHOWN]
    lines = [f"  {line}".rstrip() for one in shown for line in (*diagnostic_lines(one), "")]
    more = len(warnings) - len(shown)
    if more > 0:
        told = f"  … and {count(more, 'more warning')}; `jobrunner validate` shows all"
        lines.append(style(told, "quiet"))
    return lines


@dataclass(frozen=True, slots=True)
class _Event:
    """A line, and the moment of what it tells."""

    at: datetime
    line: str


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
        """The lines of what is new in this look, as it happened; a flood is cut and counted."""
        events = sorted(self._events(seen), key=lambda event: event.at)
        told = [event.line for event in events]
        if len(told) <= _LINES_A_LOOK:
            return told
        more = f"… and {count(len(told) - _LINES_A_LOOK, 'more run')}"
        return [*told[:_LINES_A_LOOK], style(more, "quiet")]

    def _events(self, seen: Iterable[StreamedRun]) -> Iterator[_Event]:
        passed_over: dict[tuple[str, str], list[StreamedRun]] = {}
        for one in seen:
            run = one.run
            if not RunState(run.state).is_final:
                if event := self._going_on(one):
                    yield event
            elif self._is_news(run):
                if run.state in _PASSED_OVER:
                    passed_over.setdefault((run.address, run.state), []).append(one)
                else:
                    yield _ended(one, _end_words(one))
        for several in passed_over.values():
            yield _ended(several[-1], _passed_over_words(several))

    def _going_on(self, seen: StreamedRun) -> _Event | None:
        run = seen.run
        told = self._active.setdefault(run.id, _Told())
        if run.state == RunState.QUEUED and run.attempt > told.failed_attempt:
            self._active[run.id] = _Told(run.attempt, told.started_attempt)
            return _retried(seen)
        if run.state == RunState.RUNNING and run.attempt > told.started_attempt:
            return self._start(seen, told)
        return None

    def _start(self, seen: StreamedRun, told: _Told) -> _Event | None:
        run = seen.run
        if run.started_at is None or seen.now - run.started_at < _LONG_RUN:
            return None
        self._active[run.id] = _Told(told.failed_attempt, run.attempt)
        attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
        words = f"running for {so_far(seen.now - run.started_at)}{attempt}"
        return _Event(seen.now, event_line(seen.now, symbol("running"), run.address, words))

    def _is_news(self, run: Run) -> bool:
        self._active.pop(run.id, None)
        if run.id in self._ended or run.finished_at is None or run.finished_at < self._since:
            return False
        self._ended[run.id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        return True


def _ended(seen: StreamedRun, words: str) -> _Event:
    run = seen.run
    at = run.finished_at or seen.now
    which = style(_which(seen), "quiet")
    return _Event(at, event_line(at, symbol(run.state), run.address, f"{words}   {which}"))


def _which(seen: StreamedRun) -> str:
    """When its schedule goes on; of a backfill, whose runs end in a row, the time it was for."""
    if seen.run.trigger == "backfill":
        return f"backfill of {_when(seen.run.scheduled_for, seen.now)}"
    return "" if seen.next_run_at is None else f"next {_when(seen.next_run_at, seen.now)}"


def _retried(seen: StreamedRun) -> _Event:
    """The wait is that of the moment of the failure, whenever it is seen."""
    run = seen.run
    at = seen.failed_at or seen.now
    words = f"attempt {run.attempt} failed: {text(run.error)}"
    again = f"again in {delay(run.available_at - at)}"
    return _Event(at, event_line(at, style("✕", "warn"), run.address, f"{words}   {again}"))


def _end_words(seen: StreamedRun) -> str:
    run = seen.run
    if run.state == RunState.SUCCEEDED:
        attempt = f"  attempt {run.attempt}" if run.attempt > 1 else ""
        return f"{_took(run):>9}{attempt}"
    lasted = f" after {_took(run)}" if run.duration is not None else ""
    return f"{run.state}{lasted}" + (f": {text(run.error)}" if run.error else "")


def _passed_over_words(several: Sequence[StreamedRun]) -> str:
    """A look after a pause finds many late times of one job: they are one event."""
    run = several[-1].run
    number = sum(one.run.missed_count or 1 for one in several)
    times = f" {number:,} times" if number > 1 else ""
    return f"{run.state}{times}" + (f": {text(run.error)}" if run.error else "")


def _took(run: Run) -> str:
    return "" if run.duration is None else took(run.duration)


def _when(moment: datetime, now: datetime) -> str:
    local = moment.astimezone()
    return clock(moment) if local.date() == now.astimezone().date() else f"{local:%a %d %b %H:%M}"
