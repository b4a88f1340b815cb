"""`jobrunner status`: the health of the whole in one screen; exit 1 when something is wrong."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from jobrunner.broker import Sender, make_app
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import fields_lines, text
from jobrunner.cli.list import pause_record, pauses_of
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.cli.style import Check, check_mark, state_words
from jobrunner.db.engine import describe, transaction
from jobrunner.db.migrate import REVISIONS
from jobrunner.db.overview import (
    HELD_COUNTED,
    JobFilter,
    Overview,
    list_jobs,
    queues_in_use,
    read_overview,
)
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.processes import SeenProcess, not_sent_to, read_processes, unserved_queues
from jobrunner.db.refused import count_refused
from jobrunner.db.totals import read_totals
from jobrunner.errors import BrokerUnavailable
from jobrunner.plan.pause import PauseInForce
from jobrunner.settings import Settings
from jobrunner.wording.times import distance, iso, short, took

LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing that is looked at."""

    name: str
    state: Check
    words: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database and the broker said."""

    overview: Overview
    totals: Mapping[str, int] | None
    """By state; None: nobody has asked."""
    processes: tuple[SeenProcess, ...]
    pauses: tuple[PauseInForce, ...]
    paused_jobs: int
    unserved: tuple[str, ...]
    """Queues of jobs from which no worker takes."""
    depths: dict[str, int]
    broker_error: str
    refused: int
    """Messages that workers have refused in the last 24 hours."""
    database: str
    answered_in_seconds: float


@make_command(
    "status",
    "The health of the whole in one screen. Exit 1 when something is wrong.",
    examples=[
        ("jobrunner status", "Is it ticking, what failed, what is late, what is paused?"),
        ("jobrunner status --totals", "And how many runs there ever were."),
    ],
)
@click.option(
    "--totals",
    is_flag=True,
    help="Count the runs there ever were, deleted ones included; it reads all there are.",
)
@output_option
def command(session: Session, *, totals: bool, form: Form) -> int:
    seen = _look(session, totals=totals)
    lines = _lines(seen)
    if form == "table":
        session.output.told(*_table(lines, seen))
    else:
        session.output.document(_record(lines, seen), form)
    return 1 if any(line.state == "wrong" for line in lines) else 0


def _look(session: Session, *, totals: bool) -> _Seen:
    begun = time.monotonic()
    with open_database(session, "status") as engine, transaction(engine) as connection:
        overview = read_overview(connection)
        answered_in_seconds = time.monotonic() - begun
        ever = read_totals(connection) if totals else None
        processes = read_processes(connection)
        pauses = pauses_in_force(connection)
        jobs = list_jobs(connection, JobFilter())
        refused = count_refused(connection)
        queues = queues_in_use(connection)
        database = describe(engine)
    depths, broker_error = _depths(servers_of(session), sorted({job.queue for job in jobs}))
    return _Seen(
        overview=overview,
        totals=ever,
        processes=processes,
        pauses=pauses,
        paused_jobs=sum(bool(pauses_of(job, pauses)) for job in jobs),
        unserved=unserved_queues(queues, processes),
        depths=depths,
        broker_error=broker_error,
        refused=refused,
        database=database,
        answered_in_seconds=answered_in_seconds,
    )


def _depths(settings: Settings, queues: Sequence[str]) -> tuple[dict[str, int], str]:
    if not settings.broker_url:
        return {}, "No broker is known: set JOBRUNNER_BROKER_URL."
    sender = Sender(make_app(settings))
    try:
        return {queue: sender.waiting(queue).depth for queue in queues or ["default"]}, ""
    except BrokerUnavailable as error:
        return {}, error.message
    finally:
        sender.close()


def _lines(seen: _Seen) -> list[_Line]:
    return [
        _database_line(seen),
        _broker_line(seen),
        _process_line(seen, "beat"),
        *_app_lines(seen),
        _worker_line(seen),
        *_watch_lines(seen),
        *_web_lines(seen),
        *_project_lines(seen.overview),
        _jobs_line(seen),
        _schedules_line(seen.overview),
        _now_line(seen.overview),
        _ended_line(seen.overview),
        *_ever_lines(seen.totals),
        *_refused_lines(seen.refused),
    ]


def _database_line(seen: _Seen) -> _Line:
    milliseconds = f"{seen.answered_in_seconds * 1000:.0f} ms"
    return _Line("database", "ok", f"{seen.database}, revision {REVISIONS[-1]}, {milliseconds}")


def _broker_line(seen: _Seen) -> _Line:
    if seen.broker_error:
        return _Line("broker", "wrong", f"{text(seen.broker_error)} Runs wait in the database.")
    waiting = sum(seen.depths.values())
    queues = ", ".join(f"{name} {depth:,}" for name, depth in seen.depths.items())
    return _Line("broker", "ok", f"answers; {count(waiting, 'message')} waiting ({text(queues)})")


def _process_line(seen: _Seen, kind: str) -> _Line:
    alive = [one for one in seen.processes if one.process.kind == kind and one.is_alive]
    if not alive:
        return _Line(kind, "wrong", f"none at work; start one with `jobrunner {kind}`")
    names = ", ".join(_process_words(one) for one in alive)
    return _Line(kind, "ok", f"{len(alive)} at work: {names}")


def _app_lines(seen: _Seen) -> list[_Line]:
    """None where runs of other Celery apps are sent, or there are none."""
    reasons = not_sent_to(seen.processes)
    return [_Line("app", "wrong", f"{text(why.rstrip('.'))}; its runs wait") for why in reasons]


def _worker_line(seen: _Seen) -> _Line:
    line = _process_line(seen, "worker")
    if line.state == "wrong" or not seen.unserved:
        return line
    named = text(", ".join(seen.unserved))
    command = f"jobrunner worker -Q {text(','.join(seen.unserved))}"
    return _Line(
        "worker", "wrong", f"{line.words}; none takes from {named}, start one: `{command}`"
    )


def _process_words(seen: SeenProcess) -> str:
    details = seen.process.details
    told = [f"queues {', '.join(map(str, queues))}"] if (queues := details.get("queues")) else []
    told += [count(details["concurrency"], "slot")] if "concurrency" in details else []
    return text(seen.process.name + (f" ({'; '.join(told)})" if told else ""))


def _watch_lines(seen: _Seen) -> list[_Line]:
    return [
        _watch_line(one) for one in seen.processes if one.process.kind == "watch" and one.is_alive
    ]


def _watch_line(seen: SeenProcess) -> _Line:
    details = seen.process.details
    where = text(details.get("root", ""))
    told = text(details.get("message", ""))
    match details.get("config"):
        case "in_force":
            return _Line("watch", "ok", f"{where} is in force")
        case "refused":
            return _Line("watch", "wrong", f"{where} waits for a person: {told}")
        case "invalid":
            told = _first_mistake(details.get("mistakes") or []) or told
            return _Line("watch", "wrong", f"{where} is invalid, the last good stays: {told}")
        case _:
            return _Line("watch", "note", f"{where}: {told or 'starting'}")


def _web_lines(seen: _Seen) -> list[_Line]:
    """None where nobody has pages: they are no part of what makes jobs run."""
    is_served = any(one.process.kind == "web" and one.is_alive for one in seen.processes)
    return [_process_line(seen, "web")] if is_served else []


def _first_mistake(mistakes: Sequence[Mapping[str, Any]]) -> str:
    if not mistakes:
        return ""
    first = mistakes[0]
    more = f", and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
    help_words = f" ({first['help']})" if first["help"] else ""
    place = f"{first['file']}:{first['line']}:{first['column']}"
    return text(f"{place} {first['message']}{help_words}{more}")


def _project_lines(overview: Overview) -> list[_Line]:
    if not overview.projects:
        return [_Line("project", "note", "nothing is applied yet; try `jobrunner plan`")]
    lines = []
    for project in overview.projects:
        words = f"{text(project.name)}, revision {project.revision}"
        if project.applied_at is not None:
            words += f", applied {distance(project.applied_at, overview.now)}"
            words += f" by {text(project.author)}"
        if project.git_commit:
            words += f", git {text(project.git_commit)[:9]}"
        lines.append(_Line("project", "ok", words))
    return lines


def _jobs_line(seen: _Seen) -> _Line:
    overview = seen.overview
    words = count(overview.jobs, "job")
    if overview.jobs_disabled:
        words += f", {overview.jobs_disabled} disabled"
    if seen.paused_jobs:
        words += f", {seen.paused_jobs} paused"
    return _Line("jobs", "note" if seen.paused_jobs else "ok", words)


def _schedules_line(overview: Overview) -> _Line:
    words = count(overview.schedules, "schedule")
    state: Check = "ok"
    if overview.schedules_in_error:
        words += f", {overview.schedules_in_error} in error"
        state = "wrong"
    if overview.oldest_due_at is not None:
        late = overview.now - overview.oldest_due_at
        if late.total_seconds() > LATE_SECONDS:
            words += f", the oldest due for {took(late)}"
            state = "wrong"
    return _Line("schedules", state, words if state == "wrong" else f"{words}, none late")


def _now_line(overview: Overview) -> _Line:
    words = f"{overview.running} running, {overview.queued} queued"
    if overview.held:
        is_more = overview.held > HELD_COUNTED
        words += f", more than {HELD_COUNTED:,} held" if is_more else f", {overview.held:,} held"
    if overview.oldest_queued_at is not None:
        words += f", the oldest waits for {took(overview.now - overview.oldest_queued_at)}"
    if overview.unsent:
        words += f", {overview.unsent} not sent yet"
    return _Line("now", "note" if overview.unsent else "ok", words)


def _ended_line(overview: Overview) -> _Line:
    words = ", ".join(f"{number:,} {state}" for state, number in overview.ended.items())
    bad = overview.ended.get("failed", 0) + overview.ended.get("lost", 0)
    return _Line("last 24 h", "note" if bad else "ok", words or "no run has ended")


def _ever_lines(totals: Mapping[str, int] | None) -> list[_Line]:
    if totals is None:
        return []
    return [_Line("ever", "ok", f"{count(sum(totals.values()), 'run')}, deleted ones included")]


def _refused_lines(refused: int) -> list[_Line]:
    if not refused:
        return []
    words = f"{count(refused, 'refused message')} in the last 24 hours"
    return [_Line("messages", "note", f"{words}: jobrunner workers --refused")]


def _table(lines: Sequence[_Line], seen: _Seen) -> list[str]:
    shown = [(line.name, f"{check_mark(line.state)} {line.words}") for line in lines]
    return fields_lines(shown) + [_pause_line(one, seen.overview.now) for one in seen.pauses]


def _pause_line(pause: PauseInForce, now: datetime) -> str:
    until = "" if pause.until is None else f", until {short(pause.until, near=now)}"
    why = f": {text(pause.reason)}" if pause.reason else ""
    since = distance(pause.started_at, now)
    target = f"{pause.scope} {text(pause.target)}"
    return f"{state_words('paused')}  {target} by {text(pause.paused_by)} {since}{until}{why}"


def _record(lines: Sequence[_Line], seen: _Seen) -> dict[str, Any]:
    overview = seen.overview
    return {
        "healthy": all(line.state != "wrong" for line in lines),
        "checks": [{"name": one.name, "state": one.state, "words": one.words} for one in lines],
        "now": iso(overview.now),
        "projects": [
            {
                "name": project.name,
                "revision": project.revision,
                "applied_at": iso(project.applied_at),
                "author": project.author,
                "git_commit": project.git_commit,
            }
            for project in overview.projects
        ],
        "jobs": overview.jobs,
        "jobs_disabled": overview.jobs_disabled,
        "jobs_paused": seen.paused_jobs,
        "schedules": overview.schedules,
        "schedules_in_error": overview.schedules_in_error,
        "oldest_due_at": iso(overview.oldest_due_at),
        "runs": {
            "running": overview.running,
            "queued": overview.queued,
            "held": overview.held,
            "unsent": overview.unsent,
            "oldest_queued_at": iso(overview.oldest_queued_at),
            "ended_24h": dict(overview.ended),
            **({} if seen.totals is None else {"ever": dict(seen.totals)}),
        },
        "queues": seen.depths,
        "refused_messages_24h": seen.refused,
        "broker_error": seen.broker_error,
        "processes": [_process_record(one) for one in seen.processes],
        "pauses": [pause_record(one) for one in seen.pauses],
    }


def _process_record(seen: SeenProcess) -> dict[str, Any]:
    return {
        "kind": seen.process.kind,
        "name": seen.process.name,
        "host": seen.process.host,
        "pid": seen.process.pid,
        "version": seen.process.version,
        "alive": seen.is_alive,
        "started_at": iso(seen.started_at),
        "last_seen_at": iso(seen.last_seen_at),
        "stopped_at": iso(seen.stopped_at),
        "details": dict(seen.process.details),
    }
