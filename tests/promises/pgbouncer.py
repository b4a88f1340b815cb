"""Two beats and a worker behind PgBouncer in transaction mode: everything holds, only NOTIFY is lost.

    python -m tests.promises.pgbouncer --seconds 30

Needs Debian's package pgbouncer, and is no part of the test run for that reason.
"""

import argparse
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import psycopg2
from sqlalchemy import Engine, make_url, text

from jobrunner.db.engine import make_engine, transaction
from jobrunner.embedded.account import SERVER_ENVIRONMENT, server_account
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import Program
from jobrunner.triggers import trigger_run
from tests.project import Project, open_project
from tests.promises.beats import Plan, lines_of, play
from tests.promises.message_log import open_message_log
from tests.servers import empty_virtual_host, open_database, open_servers
from tests.waiting import wait_until

HOST = "127.0.0.1"
CHANGES = 40
EFFECT_SECONDS = 1.2
"""A poll a second is the guarantee where no NOTIFY arrives."""
_JOBS = """\
version: 1
namespace: promise
jobs:
  by-hand: {task: work.nothing, overlap: allow}
"""
_SETTINGS = """\
[databases]
{name} = host={sockets} dbname={name} user={user}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
"""


@contextmanager
def open_pgbouncer(supervisor: Supervisor, database_url: str) -> Iterator[str]:
    """PgBouncer before this database of a private server; the URL that leads through it."""
    url, account = make_url(database_url), server_account()
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program is not None, "pgbouncer is not installed: apt-get install pgbouncer"
    with tempfile.TemporaryDirectory(prefix="jobrunner-pgbouncer-") as folder:
        Path(folder).chmod(0o711)
        file, port = Path(folder) / "pgbouncer.ini", _free_port()
        file.write_text(
            _SETTINGS.format(
                name=url.database,
                sockets=url.query["host"],
                user=url.username,
                host=HOST,
                port=port,
            )
        )
        started = supervisor.start(
            Program(
                name="pgbouncer",
                argv=(program, str(file)),
                env=SERVER_ENVIRONMENT,
                cwd="/",
                user_id=account.user_id,
                group_id=account.group_id,
            )
        )
        through = f"postgresql://{url.username}@{HOST}:{port}/{url.database}"
        wait_until(lambda: _answers(through))
        yield through
        supervisor.stop(started.name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def change_to_effect(project: Project, engine: Engine) -> list[float]:
    """Seconds from the commit of a run by hand to its message, and all of them succeed."""
    project.write("work.py", "def nothing() -> None:\n    pass\n")
    project.write("jobs.d/promise.yaml", _JOBS)
    applied = project.run("apply", "--yes", "--allow-deletes", "100")
    assert applied.returncode == 0, applied.stderr
    for _ in range(2):
        project.start("beat").wait_for_line("database_connected")
    project.start("worker", "-c", "1").wait_for_line("ready")
    committed = {}
    with open_message_log(project.environment["JOBRUNNER_BROKER_URL"]) as log:
        for number in range(CHANGES):
            with transaction(engine) as connection:
                run = trigger_run(connection, "promise/by-hand", created_by="ada")
            committed[run.run_id] = datetime.now(UTC)
            wait_until(lambda n=number: len(log.arrivals) > n)  # type: ignore[misc]
        wait_until(lambda: _succeeded(engine) == CHANGES)
    return [(log.arrivals[run][0] - at).total_seconds() for run, at in committed.items()]


def _succeeded(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT count(*) FROM jobrunner.runs"
                    " WHERE state = 'succeeded' AND trigger = 'manual'"
                )
            ).scalar_one()
        )


def main() -> int:
    """Print what was seen; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = stack.enter_context(open_servers())
        database_url = stack.enter_context(open_database(servers))
        broker_url = empty_virtual_host(servers, process=0, processes=1)
        supervisor = stack.enter_context(Supervisor())
        through = stack.enter_context(open_pgbouncer(supervisor, database_url))
        project = stack.enter_context(open_project(supervisor, through, broker_url))
        engine = make_engine(database_url, application_name="promises")
        stack.callback(engine.dispose)
        plan = Plan(beats=2, seconds=options.seconds, acts=("kill", "freeze"))
        outcome = play(project, engine, plan)
        seconds = change_to_effect(project, engine)
    for line in lines_of(plan, outcome):
        print(line)  # noqa: T201
    median, longest = quantiles(seconds, n=2)[0], max(seconds)
    print(f"change to effect: {len(seconds)}, median {median:.3f} s, longest {longest:.3f} s")  # noqa: T201
    return 1 if outcome.broken or longest > EFFECT_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
