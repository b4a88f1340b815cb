"""A plan as text: what would change, when it runs next, what that amounts to, and a closing sentence."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, assert_never

from jobrunner.cli.diagnostic_text import count, diagnostic_lines
from jobrunner.cli.layout import text
from jobrunner.cli.style import cut, pad, style
from jobrunner.cli.times import distance, short
from jobrunner.plan.changes import (
    Change,
    Create,
    Delete,
    FieldChange,
    Pause,
    Plan,
    ScheduleChange,
    Update,
)
from jobrunner.plan.load import Load
from jobrunner.schedule import ScheduleError, load_zone, times_between
from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import JobSpec, ScheduleSpec
from jobrunner.spec.secrets import in_words, shown

_ADDRESS_COLUMNS = 34
_VALUE_COLUMNS = 60
_NEXT_SHOWN = 3
_FIELD_INDENT = "      "


def plan_lines(plan: Plan) -> list[str]:
    """The whole plan. An empty one is a single sentence, behind its warnings."""
    lines: list[str] = []
    for change in plan.changes:
        if not _is_drift(change):
            lines += [*change_lines(change, plan.now), ""]
    drift = [change for change in plan.updates if change.is_drift]
    if drift:
        lines += [*_drift_lines(drift), ""]
    if plan.changes:
        lines += [*_load_lines(plan.load_before, plan.load_after), ""]
    for diagnostic in plan.diagnostics:
        lines += [*diagnostic_lines(diagnostic), ""]
    return [*lines, closing_line(plan)]


def closing_line(plan: Plan) -> str:
    """`Plan: 1 to add, 1 to change, 0 to delete, 208 unchanged. 1 warning.`"""
    warnings = f" {count(len(plan.diagnostics), 'warning')}." if plan.diagnostics else ""
    if plan.is_empty:
        verb = "matches" if plan.unchanged == 1 else "match"
        jobs = count(plan.unchanged, "job")
        return f"No changes. {jobs} {verb} the database at revision {plan.base_revision}.{warnings}"
    drift = sum(update.is_drift for update in plan.updates)
    parts = [
        f"{len(plan.creates)} to add",
        f"{len(plan.updates) - drift} to change",
        f"{len(plan.deletes)} to delete",
        *([f"{drift} drift to reset"] if drift else []),
        f"{plan.unchanged:,} unchanged",
    ]
    return f"{style('Plan:', 'strong')} {', '.join(parts)}.{warnings}"


def change_lines(change: Change, now: datetime) -> list[str]:
    """One change with its fields and its next runs."""
    match change:
        case Create():
            return [*_create_lines(change, now), *_pause_lines(change.pauses, now)]
        case Update():
            return [*_update_lines(change, now), *_pause_lines(change.pauses, now)]
        case Delete():
            return _delete_lines(change, now)
        case _:
            assert_never(change)


def _is_drift(change: Change) -> bool:
    return isinstance(change, Update) and change.is_drift


def _head(mark: str, address: str, action: str, where: str) -> str:
    return f"  {mark} {pad(style(text(address), 'strong'), _ADDRESS_COLUMNS)} {action:<7} {where}"


def _owned(job: JobSpec) -> str:
    return f"  owner {text(job.owner)}" if job.owner else ""


def _create_lines(change: Create, now: datetime) -> list[str]:
    job = change.job
    where = f"{text(job.location.file)}:{job.location.line}{_owned(job.spec)}"
    lines = [_head(style("+", "good"), change.address, "create", where)]
    lines.append(f"{_FIELD_INDENT}task {text(job.spec.calls)}({_arguments(job.spec)})")
    if not job.spec.enabled:
        lines.append(f"{_FIELD_INDENT}enabled false: it fires nothing")
    for schedule in job.spec.schedules:
        lines.append(f"{_FIELD_INDENT}#{schedule.name} {_rule(schedule)}")
        lines.append(f"{_FIELD_INDENT}  next {_coming(job.spec.address, schedule, now)}")
    return lines


def _arguments(job: JobSpec) -> str:
    given = [_value(argument) for argument in job.args]
    given += [f"{name}={_value(value)}" for name, value in job.kwargs.items()]
    return text(cut(", ".join(given), _VALUE_COLUMNS))


def _rule(schedule: ScheduleSpec) -> str:
    match schedule.rule:
        case "cron":
            return f'cron "{text(schedule.cron)}" {schedule.timezone}'
        case "rrule":
            return f'rrule "{text(cut(schedule.rrule or "", _VALUE_COLUMNS))}" {schedule.timezone}'
        case "every" if schedule.every is not None:
            return f"every {format_duration(schedule.every)}"
        case "solar" if schedule.solar is not None:
            sun = schedule.solar
            return f"{sun.event} at latitude {sun.latitude:g}, longitude {sun.longitude:g}"
        case _:
            return f"at {count(len(schedule.at or ()), 'time')}"


def _coming(address: str, schedule: ScheduleSpec, now: datetime) -> str:
    if not schedule.enabled:
        return "never: the schedule is not enabled"
    shown = list(islice(_times(address, schedule, now), _NEXT_SHOWN))
    return ", ".join(shown) or "never again"


def _times(address: str, schedule: ScheduleSpec, now: datetime) -> Iterator[str]:
    try:
        timing = schedule.timing(address)
    except ScheduleError:
        return
    end = datetime.max.replace(tzinfo=now.tzinfo)
    for moment in times_between(timing, now, end):
        yield short(moment, timing.zone, near=now)


def _update_lines(change: Update, now: datetime) -> list[str]:
    job = change.job
    where = f"{text(job.location.file)}:{job.location.line}{_owned(job.spec)}"
    lines = [_head(style("~", "warn"), change.address, "update", where)]
    if change.replaces:
        lines.append(f"{_FIELD_INDENT}replaced as a whole: {text(change.replaces)}")
    lines += _fields_lines(change.fields)
    for schedule in change.schedules:
        lines += _schedule_lines(schedule, now)
    return lines


def _fields_lines(fields: Sequence[FieldChange]) -> list[str]:
    size = max((len(field.path) for field in fields), default=0)
    return [f"{_FIELD_INDENT}{field.path:<{size}}  {_difference(field)}" for field in fields]


def _difference(field: FieldChange) -> str:
    match field.kind:
        case "added":
            told = f"{style('+', 'good')} {_value(field.new)}"
        case "removed":
            told = f"{style('-', 'bad')} {_value(field.old)}"
        case "changed":
            told = f"{_value(field.old)} -> {_value(field.new)}"
    line = style(f"  :{field.line}", "quiet") if field.line is not None else ""
    drift = style("  (changed in the database)", "warn") if field.is_drift else ""
    return f"{told}{line}{drift}"


def _value(value: Any) -> str:
    told = in_words(value) or json.dumps(shown(value), ensure_ascii=False, default=str)
    return text(cut(told, _VALUE_COLUMNS))


def _schedule_lines(change: ScheduleChange, now: datetime) -> list[str]:
    """When it runs next, before and after; nothing where the edit does not touch the timing."""
    if change.kind == "update" and not change.is_timing_changed:
        return []
    forecast = change.forecast
    before = _moment(forecast.next_before, change.before or change.after, now)
    after = _moment(forecast.next_after, change.after or change.before, now)
    label = f"{_FIELD_INDENT}#{change.name}"
    match change.kind:
        case "create":
            return [f"{label} {style('+', 'good')} next {after}"]
        case "delete":
            return [f"{label} {style('-', 'bad')} next was {before}"]
        case "update":
            effect = "" if forecast.next_after is None else f"; {_effect(change, now)}"
            return [f"{label} next {before} -> {after}{effect}"]


def _moment(moment: datetime | None, spec: ScheduleSpec | None, now: datetime) -> str:
    if moment is None:
        return "never"
    return short(moment, load_zone(spec.timezone if spec is not None else "UTC"), near=now)


def _effect(change: ScheduleChange, now: datetime) -> str:
    forecast = change.forecast
    told = [
        f"{word} {', '.join(_moment(m, change.after or change.before, now) for m in moments)}"
        for word, moments in (("skips", forecast.skipped), ("doubles", forecast.doubled))
        if moments
    ]
    return style("; ".join(told), "warn") if told else "no run skipped or doubled"


def _delete_lines(change: Delete, now: datetime) -> list[str]:
    place = f"{text(change.location.file)}:{change.location.line}"
    where = f"was {place} in revision {change.revision}"
    lines = [_head(style("-", "bad"), change.address, "delete", where)]
    last = (
        "never ran"
        if change.last_run_at is None
        else f"last run {distance(change.last_run_at, now)}"
    )
    active = (
        f", {count(change.active_runs, 'run')} in progress (will finish)"
        if change.active_runs
        else ""
    )
    return [*lines, f"{_FIELD_INDENT}{last}{active}; its history stays"]


def _pause_lines(pauses: Sequence[Pause], now: datetime) -> list[str]:
    return [
        f"{_FIELD_INDENT}note  {_target(pause)} paused by {text(pause.paused_by)} "
        f"since {short(pause.started_at, near=now)}; stays paused"
        for pause in pauses
    ]


def _target(pause: Pause) -> str:
    return "is" if pause.scope == "job" else f"{pause.scope} {text(pause.target)} is"


def _drift_lines(drift: Iterable[Update]) -> list[str]:
    lines = [style("Drift (changed outside the files, will be reset):", "strong")]
    for update in drift:
        if update.replaces:
            lines.append(f"  {style('~', 'warn')} {text(update.address)}  {text(update.replaces)}")
        for field in update.fields:
            told = f"{_value(field.old)} in the database, {_value(field.new)} in the files"
            lines.append(f"  {style('~', 'warn')} {text(update.address)}  {field.path} {told}")
    return lines


def _load_lines(before: Load, after: Load) -> list[str]:
    rows = [
        ("runs per day", f"{before.runs_per_day:,}", f"{after.runs_per_day:,}"),
        ("busiest minute (UTC)", _busiest(before), _busiest(after)),
    ]
    change = after.runs_per_day - before.runs_per_day
    changes = [f"{change:+,}" if change else "=", ""]
    head = f"{'Load, next 7 days':<24}{'before':>14}{'after':>14}{'change':>12}"
    return [
        style(head, "quiet"),
        *(
            f"  {name:<22}{old:>14}{new:>14}{told:>12}".rstrip()
            for (name, old, new), told in zip(rows, changes, strict=True)
        ),
    ]


def _busiest(load: Load) -> str:
    if load.busiest_minute_at is None:
        return "-"
    return f"{load.busiest_minute_at:%H:%M}  {load.busiest_minute_runs:,}"
