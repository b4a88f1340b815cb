"""`jobrunner health`: an exit code for probes."""

from dataclasses import dataclass
from datetime import timedelta
from socket import gethostname

import click
from sqlalchemy import Connection, Engine

from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.db.engine import describe, transaction
from jobrunner.db.glance import glance
from jobrunner.db.migrate import REVISIONS
from jobrunner.db.processes import read_processes
from jobrunner.db.workers import read_workers
from jobrunner.wording.times import so_far, took

DUE_TOO_LATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Verdict:
    is_healthy: bool
    words: str


@make_command(
    "health",
    "Exit 0 when it is well, 1 when it is not.\n\n"
    "db: it answers, at a revision this version works with. beat, worker, watch and web: one of this "
    "host has given a sign of life within 15 s; beat also: nothing has been due for 30 s; worker also: "
    "the loop of none has been stuck for 30 s.",
    examples=[
        ("jobrunner health beat", "A liveness probe in the scheduler's container."),
        ("jobrunner health worker --name blue@%h", "The one that was started by that name."),
    ],
)
@click.argument("what", type=click.Choice(["beat", "worker", "watch", "web", "db"]))
@click.option("--any-host", is_flag=True, help="A process of any host will do.")
@click.option("--name", metavar="NAME", help="Of workers: only this one; %h is this host.")
def command(session: Session, *, what: str, any_host: bool, name: str | None) -> int:
    host = None if any_host else gethostname()
    with open_database(session, "health") as engine:
        if what == "worker":
            verdict = _worker_verdict(engine, host=host, name=name)
        else:
            verdict = _judge(engine, what, host=host)
    mark = style("●", "good") if verdict.is_healthy else style("✕", "bad")
    session.output.result(f"{mark} {verdict.words}")
    return 0 if verdict.is_healthy else 1


def _judge(engine: Engine, what: str, *, host: str | None) -> _Verdict:
    if what == "db":
        return _Verdict(
            is_healthy=True, words=f"{describe(engine)} answers, revision {REVISIONS[-1]}."
        )
    with transaction(engine) as connection:
        verdict = _process_verdict(connection, what, host=host)
    if what == "beat" and verdict.is_healthy:
        return _due_verdict(engine, verdict)
    return verdict


def _worker_verdict(engine: Engine, *, host: str | None, name: str | None) -> _Verdict:
    if name is not None:
        name, host = name.replace("%h", gethostname()), None
    with transaction(engine) as connection:
        seen = [
            worker
            for worker in read_workers(connection)
            if worker.state != "dead"
            and host in {None, worker.host}
            and name in {None, worker.name}
        ]
    if not seen:
        what = "worker" if name is None else f"worker {name}"
        where = "anywhere" if host is None else f"on {host}"
        return _Verdict(is_healthy=False, words=f"No {what} {where} has given a sign of life.")
    stuck = [worker for worker in seen if worker.state == "stuck"]
    if stuck:
        silent = so_far(timedelta(seconds=stuck[0].silent_seconds))
        return _Verdict(
            is_healthy=False,
            words=f"{stuck[0].name} lives, but has consumed nothing for {silent}: its loop is stuck.",
        )
    names = ", ".join(worker.name for worker in seen)
    return _Verdict(is_healthy=True, words=f"worker {names} is at work.")


def _process_verdict(connection: Connection, kind: str, *, host: str | None) -> _Verdict:
    seen = read_processes(connection, kind=kind)
    alive = [one for one in seen if one.is_alive and host in {None, one.process.host}]
    where = "anywhere" if host is None else f"on {host}"
    if not alive:
        return _Verdict(is_healthy=False, words=f"No {kind} {where} has given a sign of life.")
    names = ", ".join(one.process.name for one in alive)
    return _Verdict(is_healthy=True, words=f"{kind} {names} is at work.")


def _due_verdict(engine: Engine, verdict: _Verdict) -> _Verdict:
    due_in = glance(engine, recover=False).due_in
    if due_in is None or due_in >= -DUE_TOO_LATE_SECONDS:
        return verdict
    late = took(timedelta(seconds=-due_in))
    return _Verdict(is_healthy=False, words=f"A schedule has been due for {late}.")
