"""One change of a plan as text: its fields with their lines, and when the job runs then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import assert_never

from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.notes import pause_notes
from jobrunner.cli.style import cut, pad, style, width
from jobrunner.cli.value_text import VALUE_COLUMNS, difference_text, value_text
from jobrunner.plan.changes import Change, Create, Delete, FieldChange, Plan, ScheduleChange, Update
from jobrunner.plan.forecast import timing_in_force
from jobrunner.schedule import Timing, load_zone, times_between
from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import ScheduleSpec
from jobrunner.wording.states import Role
from jobrunner.wording.times import distance, listed, short

_INDENT = "      "
_ACTION_COLUMNS = 8
_NEXT_SHOWN = 3
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_IN_THE_HEAD = frozenset({"task", "celery_task", "command", "schedule", "owner", "description"})
"""Fields of a new job that have a place of their own, or say nothing of what it does."""

Row = tuple[str, str]
"""A label and what stands beside it."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Of the columns that all changes of a plan share."""

    address: int = 34
    place: int = 0


def widths_of(changes: Sequence[Change]) -> Widths:
    """So that the changes stand in columns; what is very long stands out of its column."""
    return Widths(
        address=min(max((len(change.address) for change in changes), default=0), 42),
        place=min(max(map(len, map(_place, _in_the_files(changes))), default=0), 36),
    )


def _in_the_files(changes: Sequence[Change]) -> Iterator[Change]:
    """Those whose place is a line of a file, with an owner behind it."""
    for change in changes:
        if isinstance(change, Create) or (isinstance(change, Update) and not change.moved_from):
            yield change


def change_lines(change: Change, plan: Plan, widths: Widths = Widths()) -> list[str]:
    """What becomes of one job."""
    match change:
        case Create():
            head, rows = (
                _head("+", "good", change, "create", widths),
                _create_rows(change, plan),
            )
        case Update():
            mark, action = (">", "move") if change.moved_from else ("~", "update")
            head, rows = _head(mark, "warn", change, action, widths), _update_rows(change, plan.now)
        case Delete():
            return [_head("-", "bad", change, "delete", widths), _loss_line(change, plan)]
        case _:
            assert_never(change)
    notes = [("note", words) for words in pause_notes(change, plan.now)]
    return [head, *_row_lines([*rows, *notes])]


def moment_text(moment: datetime | None, spec: ScheduleSpec | None, now: datetime) -> str:
    """On the clock of the schedule."""
    if moment is None:
        return "never"
    return short(moment, load_zone(spec.timezone if spec is not None else "UTC"), near=now)


def effect_text(change: ScheduleChange, now: datetime) -> str:
    """What the edit itself does to runs: `skips …; doubles …`."""
    spec = change.after or change.before
    told = [
        f"{word} {', '.join(moment_text(moment, spec, now) for moment in moments)}"
        for word, moments in (
            ("skips", change.forecast.skipped),
            ("doubles", change.forecast.doubled),
        )
        if moments
    ]
    return "; ".join(told) or "no run skipped or doubled"


def next_text(change: ScheduleChange, now: datetime) -> str:
    """`Mon 23 Nov 06:00 CET -> Mon 23 Nov 05:30 CET`, and why there is none any more."""
    forecast = change.forecast
    before = moment_text(forecast.next_before, change.before or change.after, now)
    after = moment_text(forecast.next_after, change.after or change.before, now)
    why = f" ({change.never})" if change.never else ""
    match change.kind:
        case "create":
            return f"{after}{why}"
        case "delete":
            return f"{before} -> never"
        case "update":
            return f"{before} -> {after}{why}"


def last_run_text(change: Delete, now: datetime) -> str:
    """`last run 4m ago, 1 run in progress (will finish)`; runs by hand do not count."""
    last = change.last_run_at
    told = "no run by schedule" if last is None else f"last run {distance(last, now)}"
    if change.is_protected:
        told = f"protected, refused without --allow-protected; {told}"
    if change.active_runs:
        told += f", {count(change.active_runs, 'run')} in progress (will finish)"
    return told


def _head(mark: str, role: Role, change: Change, action: str, widths: Widths) -> str:
    address = pad(style(text(change.address), "strong"), widths.address)
    place = pad(_place(change), widths.place)
    owner = "" if isinstance(change, Delete) else change.job.spec.owner
    owned = f"  owner {text(owner)}" if owner else ""
    return f"  {style(mark, role)} {address}  {action:<{_ACTION_COLUMNS}} {place}{owned}".rstrip()


def _place(change: Change) -> str:
    if isinstance(change, Delete):
        location = change.location
        revision = f" in revision {change.revision}" if change.revision else ""
        return f"was {text(location.file)}:{location.line}{revision}"
    if isinstance(change, Update) and change.moved_from:
        staying = (pause for pause in change.pauses if pause not in change.new_pauses)
        is_paused = any(pause.scope == "job" for pause in staying)
        kept = "history, last run, pause kept" if is_paused else "history and last run kept"
        return f"from {text(change.moved_from)}; {kept}"
    return f"{text(change.job.location.file)}:{change.job.location.line}"


def _create_rows(change: Create, plan: Plan) -> list[Row]:
    spec = change.job.spec
    _, parenthesis, parameters = plan.signatures.get(spec.calls, "").partition("(")
    rows: list[Row] = [("task", text(f"{spec.calls}{parenthesis}{parameters}"))]
    given = [field for field in change.fields if not _has_a_place(field.path)]
    if given:
        rows.append(("with", ", ".join(_given(field) for field in given)))
    if not spec.enabled:
        rows.append(("note", "is not enabled: it fires nothing"))
    if change.looks_renamed_from:
        move = f"{{from: {text(change.looks_renamed_from)}, to: {text(change.address)}}}"
        rows.append(
            (
                "note",
                style(f"looks like a rename; to keep its history write moved: [{move}]", "warn"),
            )
        )
    if change.deleted_in is not None:
        rows.append(("note", f"returns with its history (deleted in revision {change.deleted_in})"))
    edits = {edit.name: edit for edit in change.schedules}
    rows += [
        (f"#{one.name}", f"{_rule(one)}   next {_coming(one, edits.get(one.name), change, plan)}")
        for one in spec.schedules
    ]
    return rows


def _has_a_place(path: str) -> bool:
    root = path.partition(".")[0]
    return root in _IN_THE_HEAD or root == "schedules" or path == "enabled"


def _given(field: FieldChange) -> str:
    return f"{_label(field.path)} {value_text(field.new, field.path)}"


_label = lru_cache(maxsize=4096)(text)
"""Of a field: the jobs of a project give the same few."""


def _rule(schedule: ScheduleSpec) -> str:
    match schedule.rule:
        case "cron":
            return f'cron "{text(schedule.cron)}" {schedule.timezone}'
        case "rrule":
            return f'rrule "{text(cut(schedule.rrule or "", VALUE_COLUMNS))}" {schedule.timezone}'
        case "every" if schedule.every is not None:
            return f"every {format_duration(schedule.every)}"
        case "solar" if schedule.solar is not None:
            sun = schedule.solar
            return f"{sun.event} at latitude {sun.latitude:g}, longitude {sun.longitude:g}"
        case _:
            return f"at {count(len(schedule.at or ()), 'time')}"


def _coming(schedule: ScheduleSpec, edit: ScheduleChange | None, change: Create, plan: Plan) -> str:
    """No more times than it will run."""
    if edit is not None and edit.never:
        return f"never ({edit.never})"
    shown = _NEXT_SHOWN
    if edit is not None and edit.runs_left is not None:
        shown = min(shown, edit.runs_left)
    timing = timing_in_force(schedule, change.address)
    return ("" if timing is None else _next_times(timing, plan.now, shown)) or "never"


@lru_cache(maxsize=4096)  # many new jobs of a large project share a timing
def _next_times(timing: Timing, now: datetime, shown: int) -> str:
    times = times_between(timing, now + timedelta.resolution, _FOR_EVER)
    return listed(list(islice(times, shown)), timing.zone, near=now)


def _update_rows(change: Update, now: datetime) -> list[Row]:
    rows: list[Row] = []
    if change.replaces:
        rows.append(("note", f"replaced as a whole: {text(change.replaces)}"))
    told: set[str] = set()
    for number, field in enumerate(change.fields):
        rows.append((text(field.path), _difference(field)))
        following = change.fields[number + 1].path if number + 1 < len(change.fields) else ""
        for schedule in change.schedules:
            root = _root_of(schedule.name)
            if _is_below(field.path, root) and not _is_below(following, root):
                rows += [("", words) for words in _timing_words(schedule, now)]
                told.add(schedule.name)
    for schedule in change.schedules:
        if schedule.name not in told:
            rows += [(f"#{schedule.name}", words) for words in _timing_words(schedule, now)]
    return rows


def _root_of(schedule: str) -> str:
    return "schedule" if schedule == "default" else f"schedules.{schedule}"


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}.")


def _difference(field: FieldChange) -> str:
    drift = style("  (changed in the database)", "warn") if field.is_drift else ""
    given = "" if field.line is None else f"{text(field.file or '')}:{field.line}"
    place = f"\t{style(given, 'quiet')}" if given else ""
    return f"{difference_text(field)}{place}{drift}"


def _timing_words(change: ScheduleChange, now: datetime) -> Iterator[str]:
    """When it runs next, before and after; nothing where no time is touched."""
    forecast = change.forecast
    if change.kind == "update":
        if not change.is_timing_changed:
            return
        if forecast.is_as_before:
            return
    effect = ""
    if change.kind == "update" and forecast.next_after is not None:
        words = effect_text(change, now)
        is_quiet = not (forecast.skipped or forecast.doubled)
        effect = f"; {words if is_quiet else style(words, 'warn')}"
    yield f"next {next_text(change, now)}{effect}"


def _loss_line(change: Delete, plan: Plan) -> str:
    """What is lost, and how it comes back."""
    told = f"{_INDENT}{last_run_text(change, plan.now)}"
    if plan.against:
        return told
    restore = f"jobrunner rollback {plan.base_revision} --target {text(change.address)}"
    return f"{told}; restore: {restore}"


def _row_lines(rows: Sequence[Row]) -> list[str]:
    """Labels and values in columns; what follows a tab stands in a column behind the values."""
    labels = max((width(label) for label, _ in rows), default=0)
    values = max((width(v.partition("\t")[0]) for _, v in rows if "\t" in v), default=0)
    lines = []
    for label, told in rows:
        value, _, behind = told.partition("\t")
        shown = f"{pad(value, min(values, VALUE_COLUMNS))}  {behind}" if behind else value
        lines.append(f"{_INDENT}{pad(label, labels)}  {shown}".rstrip())
    return lines
