"""What a plan notes of pauses beside a change: they stay, begin to hold the job, or hold it no longer."""

from collections.abc import Iterator
from datetime import datetime

from jobrunner.cli.layout import text
from jobrunner.cli.style import style
from jobrunner.plan.changes import Change, Create, Delete, Update
from jobrunner.plan.pause import PauseInForce
from jobrunner.wording.times import short


def pause_notes(change: Create | Update, now: datetime) -> Iterator[str]:
    """One of each pause. That something fires again is a warning."""
    yield from changed_pause_notes(change, now)
    for pause in change.pauses:
        if pause not in change.new_pauses:
            yield f"{_paused(pause, now)}; stays paused{_until(pause, now)}"


def changed_pause_notes(change: Create | Update, now: datetime) -> Iterator[str]:
    """`queue slow is paused by ops since Thu 19 Nov 09:12 UTC; this job leaves it and fires again`."""
    if isinstance(change, Update):
        again = " and fires again" if change.fires_again else ""
        for pause in change.pauses_left:
            yield style(f"{_paused(pause, now)}; this job leaves it{again}", "warn")
    for pause in change.new_pauses:
        whose = "its address " if pause.scope == "job" else ""
        under = f"this job comes under it and will be paused{_until(pause, now)}"
        yield f"{whose}{_paused(pause, now)}; {under}"


def pauses_in_short(change: Change) -> str:
    """What a change of the pauses comes to; '' where there is none."""
    if isinstance(change, Delete):
        return ""
    if change.new_pauses:
        return "will be paused"
    if isinstance(change, Update) and change.pauses_left:
        return "leaves a pause and fires again" if change.fires_again else "leaves a pause"
    return ""


def _paused(pause: PauseInForce, now: datetime) -> str:
    who = "is" if pause.scope == "job" else f"{pause.scope} {text(pause.target)} is"
    since = short(pause.started_at, near=now)
    return f"{who} paused by {text(pause.paused_by)} since {since}"


def _until(pause: PauseInForce, now: datetime) -> str:
    return "" if pause.until is None else f" until {short(pause.until, near=now)}"
