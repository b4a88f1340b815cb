"""A plan as a comment of a pull request: GitHub's Markdown, of bounded length.

What is deleted stands open and comes first when room is short. Whatever somebody has written stands
in code, where neither Markdown nor HTML means anything.
"""

import re
from collections.abc import Iterator, Sequence

from jobrunner.cli.change_text import change_lines, last_run_text, next_text
from jobrunner.cli.diagnostic_text import count, diagnostic_lines
from jobrunner.cli.layout import text
from jobrunner.cli.notes import pauses_in_short
from jobrunner.cli.notifier_text import MARKS, addresses_text
from jobrunner.cli.plan_text import closing_line, counts_text, horizon_text, limits_text, load_rows
from jobrunner.cli.style import unstyle
from jobrunner.plan.changes import Change, Create, Delete, Plan, Update
from jobrunner.wording.foreign_text import one_line

LONGEST = 60_000
"""Characters; GitHub takes 65,536."""
_FIELDS_NAMED = 4
_ROOM_OF_A_NOTE = 100
_ROOM_OF_WARNINGS = 6_000
_BACKTICKS = re.compile("`+")


def plan_markdown(plan: Plan) -> str:
    """The whole comment, of at most LONGEST characters; what is cut is counted."""
    against = [f"Compared with {code(plan.against)}."] if plan.against else []
    refused = [f"**An apply refuses this:** {code(plan.refused.reason)}"] if plan.refused else []
    head = [_headline(plan), *refused, *against, *([limits_text(plan)] if plan.targets else [])]
    tail = [*_load(plan), *_closing(plan)]
    room = LONGEST - _length([*head, *tail]) - _ROOM_OF_A_NOTE
    notifiers = _within(room // 4, _notifiers(plan), "notifier", "**Notifiers**")
    if notifiers:
        notifiers.append("")  # or what follows would be a part of the list
    room -= _length(notifiers)
    deletes = _within(room, _deletes(plan), "deletion", "**Deleted**")
    room -= _length(deletes)
    reserved = min(_ROOM_OF_WARNINGS, room // 4) if plan.diagnostics else 0
    table = _within((room - reserved) // 2, _rows(plan), "change", *_TABLE)
    room -= _length(table)
    warnings = _folded(room // 2, _warnings(plan), "", "warning", len(plan.diagnostics))
    details = _folded(room - _length(warnings), _details(plan), "diff", "change", len(plan.changes))
    return (
        "\n".join([*head, *notifiers, *deletes, *table, *details, *warnings, *tail]).rstrip() + "\n"
    )


def code(value: str) -> str:
    """A code span that holds what it is given, whatever that is, also within a table."""
    told = one_line(value)
    fence = "`" * (_longest_run(told) + 1)
    gap = " " if told.startswith("`") or told.endswith("`") else ""
    return f"{fence}{gap}{told}{gap}{fence}".replace("|", "\\|")


def _headline(plan: Plan) -> str:
    environment = f" ({code(plan.environment)})" if plan.environment else ""
    if plan.is_empty:
        return f"### {code(plan.project)}{environment}: no changes\n\n{closing_line(plan)}\n"
    warnings = f"; {count(len(plan.diagnostics), 'warning')}" if plan.diagnostics else ""
    return f"### {code(plan.project)}{environment}: {counts_text(plan)}{warnings}\n"


def _notifiers(plan: Plan) -> Iterator[str]:
    for change in plan.notifiers:
        mark, _ = MARKS[change.kind]
        place = change.location
        where = "" if place is None else f" {code(place.file)} line {place.line}"
        yield f"- **{mark}** {code(change.name)} {code(addresses_text(change))}{where}"


def _deletes(plan: Plan) -> Iterator[str]:
    for change in plan.deletes:
        place = f"{code(change.location.file)} line {change.location.line}"
        revision = f" in revision {change.revision}" if change.revision else ""
        told = f"was {place}{revision}; {last_run_text(change, plan.now)}"
        yield f"- **-** {code(change.address)} {told}"


_TABLE = ("", "| | job | change | next run |", "|---|---|---|---|")


def _rows(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        mark, words = _in_short(change)
        paused = pauses_in_short(change)
        if paused:
            words += f"; **{paused}**"
        yield f"| {mark} | {code(change.address)} | {words} | {_next(change, plan)} |"


def _in_short(change: Change) -> tuple[str, str]:
    match change:
        case Create():
            returns = "" if change.deleted_in is None else ", returns with its history"
            return "+", f"create {code(change.job.spec.calls)}{returns}"
        case Delete():
            return "-", "**delete**"
        case Update():
            return _update_in_short(change)


def _update_in_short(update: Update) -> tuple[str, str]:
    named = [code(field.path) for field in update.fields[:_FIELDS_NAMED]]
    more = len(update.fields) - len(named)
    fields = ", ".join([*named, *([f"{more} more"] if more > 0 else [])])
    if update.moved_from:
        return ">", f"move from {code(update.moved_from)}" + (f"; {fields}" if fields else "")
    if update.is_drift:
        return "~", f"drift, will be reset: {fields or 'the whole definition'}"
    return "~", f"update {fields}"


def _next(change: Change, plan: Plan) -> str:
    """Of the first schedule whose times the change touches."""
    touched = [
        one for one in change.schedules if one.is_timing_changed and not one.forecast.is_as_before
    ]
    if not touched or isinstance(change, Delete):
        return ""
    more = f" (and {count(len(touched) - 1, 'schedule')})" if len(touched) > 1 else ""
    return text(next_text(touched[0], plan.now)) + more


def _details(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        lines = [unstyle(line).removeprefix("  ").rstrip() for line in change_lines(change, plan)]
        yield "\n".join([*lines, ""])


def _warnings(plan: Plan) -> Iterator[str]:
    for diagnostic in plan.diagnostics:
        yield "\n".join([*(unstyle(line) for line in diagnostic_lines(diagnostic)), ""])


def _load(plan: Plan) -> Iterator[str]:
    if not plan.changes:
        return
    yield f"\n| load, {horizon_text(plan)} | before | after | change |\n|---|---:|---:|---:|"
    for row in load_rows(plan):
        yield f"| {' | '.join(row)} |"


def _closing(plan: Plan) -> Iterator[str]:
    if plan.digest and not plan.is_empty:
        yield f"\nBase revision {plan.base_revision}, digest `{plan.digest}`."


def _within(room: int, lines: Iterator[str], noun: str, *head: str) -> list[str]:
    """As many lines as there is room for, and how many are missing; nothing without lines."""
    all_lines = list(lines)
    kept = _fitting(all_lines, room - _length(head) - _ROOM_OF_A_NOTE)
    if not all_lines:
        return []
    missing = len(all_lines) - len(kept)
    note = [f"\n**… and {count(missing, f'more {noun}')}**"] if missing else []
    return [*head, *kept, *note]


def _folded(room: int, blocks: Iterator[str], language: str, noun: str, total: int) -> list[str]:
    """The blocks as code that unfolds, as many as there is room for."""
    if not total:
        return []
    kept = _fitting(blocks, room - 3 * _ROOM_OF_A_NOTE)
    missing = total - len(kept)
    note = f"; {count(missing, noun)} more did not fit" if missing else ""
    fence = "`" * max(3, max(map(_longest_run, kept), default=0) + 1)
    return [
        f"\n<details><summary>{count(len(kept), noun)} in full{note}</summary>\n",
        f"{fence}{language}",
        *kept,
        f"{fence}\n",
        "</details>",
    ]


def _fitting(blocks: Iterator[str] | Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for block in blocks:
        room -= len(block) + 1
        if room < 0:
            break
        kept.append(block)
    return kept


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _longest_run(told: str) -> int:
    return max(map(len, _BACKTICKS.findall(told)), default=0)
