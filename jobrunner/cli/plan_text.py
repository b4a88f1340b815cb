"""A plan as text: what would change, when it runs next, what that amounts to, and a closing sentence."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from jobrunner.beside import shared
from jobrunner.cli.change_text import change_lines, widths_of
from jobrunner.cli.diagnostic_text import count, diagnostic_lines
from jobrunner.cli.layout import text
from jobrunner.cli.notes import changed_pause_notes
from jobrunner.cli.notifier_text import notifier_lines
from jobrunner.cli.style import style
from jobrunner.cli.value_text import value_text
from jobrunner.plan.changes import Change, Delete, Plan, Update
from jobrunner.plan.load import Load

_DAY = timedelta(days=1)
_WARNINGS_SHOWN = 20


def plan_lines(plan: Plan, *, wanted: str = "YAML") -> list[str]:
    """The whole plan. An empty one is a single sentence, behind its warnings.

    `wanted` is where the definitions stand that are to be in force: `YAML`, or `revision 41`.
    """
    lines: list[str] = []
    edits = [change for change in plan.changes if not _is_drift(change)]
    widths = widths_of(edits)
    if plan.notifiers:
        lines += [*notifier_lines(plan.notifiers), ""]
    for told in shared(lambda change: change_lines(change, plan, widths), edits):
        lines += [*told, ""]
    drift = [update for update in plan.updates if update.is_drift]
    if drift:
        lines += [*_drift_lines(drift, wanted, plan.now), ""]
    if plan.changes:
        lines += [*_load_lines(plan), ""]
    lines += _warning_lines(plan)
    if plan.targets:
        lines.append(limits_text(plan))
    return [*lines, closing_line(plan), *_refusal_lines(plan)]


def wanted_text(rolled_back_to: int | None) -> str:
    """For `plan_lines`: a rollback wants what a revision holds, everything else what files hold."""
    return "YAML" if rolled_back_to is None else f"revision {rolled_back_to}"


def closing_line(plan: Plan) -> str:
    """`Plan: 1 to add, 1 to change, 0 to delete, 208 unchanged. 1 warning.`"""
    warnings = f" {count(len(plan.diagnostics), 'warning')}." if plan.diagnostics else ""
    if plan.is_empty:
        verb = "matches" if plan.unchanged == 1 else "match"
        jobs = count(plan.unchanged, "job")
        what = plan.against or f"the database at revision {plan.base_revision}"
        return f"No changes. {jobs} {verb} {what}.{warnings}"
    return f"{style('Plan:', 'strong')} {counts_text(plan)}.{warnings}"


def counts_text(plan: Plan) -> str:
    """`1 to add, 1 to change, 1 to move, 0 to delete, 1 drift to reset, 208 unchanged`."""
    parts = [
        f"{len(plan.creates):,} to add",
        f"{len(plan.edits):,} to change",
        *([f"{len(plan.moves):,} to move"] if plan.moves else []),
        f"{len(plan.deletes):,} to delete",
        *([f"{len(plan.drift):,} drift to reset"] if plan.drift else []),
        *([count(len(plan.notifiers), "notifier change")] if plan.notifiers else []),
        f"{plan.unchanged:,} unchanged",
    ]
    return ", ".join(parts)


def limits_text(plan: Plan) -> str:
    """`Limited to reports/*; 3 other changes are left out.`"""
    others = count(plan.left_out, "other change")
    verb = "is" if plan.left_out == 1 else "are"
    return f"Limited to {', '.join(map(text, plan.targets))}; {others} {verb} left out."


def load_rows(plan: Plan) -> list[tuple[str, str, str, str]]:
    """What is counted, before, after, and by how much it changes."""
    before, after = plan.load_before, plan.load_after
    more_runs = after.runs_per_day - before.runs_per_day
    more_at_once = after.busiest_minute_runs - before.busiest_minute_runs
    return [
        (
            "runs per day",
            f"{before.runs_per_day:,}",
            f"{after.runs_per_day:,}",
            f"{more_runs:+,}" if more_runs else "=",
        ),
        (
            "busiest minute (UTC)",
            _busiest(before),
            _busiest(after),
            f"{more_at_once:+,}" if more_at_once else "=",
        ),
    ]


def horizon_text(plan: Plan) -> str:
    """`next 7 days`."""
    if plan.horizon % _DAY:
        return f"next {count(round(plan.horizon / timedelta(hours=1)), 'hour')}"
    return f"next {count(plan.horizon // _DAY, 'day')}"


def _is_drift(change: Change) -> bool:
    return isinstance(change, Update) and change.is_drift


def _drift_lines(drift: Sequence[Update], wanted: str, now: datetime) -> list[str]:
    rows = [row for update in drift for row in _drift_rows(update, wanted, now)]
    head = style("Drift (changed outside git, will be reset):", "strong")
    return [f"{head} {rows[0]}"] if len(rows) == 1 else [head, *(f"  {row}" for row in rows)]


def _drift_rows(update: Update, wanted: str, now: datetime) -> list[str]:
    address = text(update.address)
    replaced = [f"{address} {text(update.replaces)}"] if update.replaces else []
    fields = [
        f"{address} {text(field.path)} {value_text(field.old, field.path)} in database, "
        f"{value_text(field.new, field.path)} in {wanted}"
        for field in update.fields
    ]
    return [
        *replaced,
        *fields,
        *(f"{address} {words}" for words in changed_pause_notes(update, now)),
    ]


def _load_lines(plan: Plan) -> list[str]:
    head = f"{f'Load, {horizon_text(plan)}':<24}{'before':>14}{'after':>14}{'change':>12}"
    return [
        style(head, "quiet"),
        *(f"  {name:<22}{old:>14}{new:>14}{told:>12}" for name, old, new, told in load_rows(plan)),
    ]


def _warning_lines(plan: Plan) -> list[str]:
    """Those of the files that the changes are in come first: many others may be known for long."""
    edited = {change.job.location.file for change in plan.changes if not isinstance(change, Delete)}
    ordered = sorted(plan.diagnostics, key=lambda found: found.location.file not in edited)
    lines = [line for one in ordered[:_WARNINGS_SHOWN] for line in (*diagnostic_lines(one), "")]
    more = len(ordered) - _WARNINGS_SHOWN
    if more > 0:
        told = f"… and {count(more, 'more warning')}; `jobrunner validate` shows all"
        lines += [style(told, "quiet"), ""]
    return lines


def _refusal_lines(plan: Plan) -> list[str]:
    if plan.refused is None:
        return []
    told = f"{style('An apply refuses this:', 'bad')} {text(plan.refused.reason)}"
    return ["", told, f"  → {text(plan.refused.advice)}"]


def _busiest(load: Load) -> str:
    if load.busiest_minute_at is None:
        return "-"
    return f"{load.busiest_minute_at:%H:%M}  {load.busiest_minute_runs:,}"
