"""A private PostgreSQL: its cluster, its options, its address. It listens on a socket only."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2

from jobrunner.embedded.account import SERVER_ENVIRONMENT, Account, starting_user
from jobrunner.embedded.binaries import Binaries
from jobrunner.embedded.children import EVERYTHING_STOPS_WITHIN_SECONDS
from jobrunner.embedded.folders import Folders
from jobrunner.embedded.program import Program
from jobrunner.errors import EmbeddedServerError

ROLE = "jobrunner"
"""Owns the cluster. The starting user and the servers' account may connect as it, nobody else."""
DATABASE = "postgres"
"""The one that every cluster is made with."""
_CLUSTER = "postgres"

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    # One server, no copies of it: the least to write.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Small queries only; a planner's tricks for big ones cost more than they bring.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    # The role has the name of our schema, where an application's own tables would go otherwise.
    "search_path": "public",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_OPTIONS_SINCE_18 = {"io_method": "sync"}  # spares its three extra processes
_OPTIONS_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def postgres_program(
    binaries: Binaries, folders: Folders, account: Account, *, durable: bool
) -> Program:
    """Make the cluster where there is none, and say how to start it. `durable=False` is for tests."""
    cluster = folders.data / _CLUSTER
    if not cluster.exists():
        _initialise(binaries, cluster, account, durable=durable)
    _remove_stale_process_file(cluster)
    program = binaries.postgres_folder / "postgres"
    options = _OPTIONS | _allow_users(folders.data, account)
    options["unix_socket_directories"] = str(folders.sockets)
    if _major_version(program, account) >= 18:
        options |= _OPTIONS_SINCE_18
    if not durable:
        options |= _OPTIONS_THROWAWAY
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(str(program), "-D", str(cluster), *settings),
        env=SERVER_ENVIRONMENT,
        cwd=str(folders.sockets),
        stage=0,
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
        stop_timeout_seconds=2.0,  # a killed one recovers from its log at the next start
        death_signal=signal.SIGQUIT,  # "immediate": SIGKILL would leave its children to themselves
        user_id=account.user_id,
        group_id=account.group_id,
        log_file=str(folders.data / "postgres.log"),
    )


def postgres_url(folders: Folders) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folders.sockets), safe='')}"


def postgres_answers(folders: Folders) -> bool:
    """Whether it takes connections. Raises EmbeddedServerError when it refuses this user for good."""
    try:
        psycopg2.connect(host=str(folders.sockets), user=ROLE, dbname=DATABASE).close()
    except psycopg2.OperationalError as error:
        if "authentication failed" in str(error):
            raise EmbeddedServerError(
                f"The private PostgreSQL refuses us: {error}".strip()
            ) from error
        return False
    return True


def _initialise(binaries: Binaries, cluster: Path, account: Account, *, durable: bool) -> None:
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    account.make_folder(unfinished)
    made = account.run(
        str(binaries.postgres_folder / "initdb"),
        *("-D", str(unfinished), "-U", ROLE, "--auth=peer"),
        *("--locale=C", "--encoding=UTF8"),
        *(() if durable else ("--no-sync",)),
    )
    if made.returncode != 0:
        raise EmbeddedServerError(
            f"PostgreSQL could not make its data folder {cluster}: {made.stderr.strip()[-500:]}"
        )
    unfinished.rename(cluster)


def _allow_users(data: Path, account: Account) -> dict[str, str]:
    """Written anew at each start: after a move, another user may be the one who starts it."""
    hba, ident = data / "pg_hba.conf", data / "pg_ident.conf"
    hba.write_text("local all all peer map=jobrunner\n", encoding="utf-8")
    users = sorted({account.name, starting_user()})
    lines = [f'jobrunner "{user}" {ROLE}\n' for user in users]
    ident.write_text("".join(lines), encoding="utf-8")
    for file in (hba, ident):
        file.chmod(0o644)  # the account reads them; the folder keeps out whom it should
    return {"hba_file": str(hba), "ident_file": str(ident)}


def _remove_stale_process_file(cluster: Path) -> None:
    """Wait for a server that still ends; forget one whose number some other program has by now.

    A file whose process is gone, PostgreSQL removes itself.
    """
    file = cluster / "postmaster.pid"
    deadline = time.monotonic() + EVERYTHING_STOPS_WITHIN_SECONDS
    while file.exists() and (command := _command_of(file)):
        if str(cluster) not in command:
            file.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"Another PostgreSQL still uses {cluster}: {command}",
                hint="End it, then try again.",
            )
        else:
            time.sleep(0.05)


def _command_of(file: Path) -> str:
    """The command line of the process that the file names; '' when there is none."""
    try:
        process_id = file.read_text(encoding="ascii", errors="replace").split("\n", 1)[0].strip()
        if Path("/proc/self").exists():
            words = Path("/proc", process_id, "cmdline").read_bytes().split(b"\0")
            return os.fsdecode(b" ".join(words)).strip()
    except FileNotFoundError:
        return ""
    listing = ["ps", "-p", process_id, "-o", "command="]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def _major_version(program: Path, account: Account) -> int:
    answer = account.run(str(program), "--version").stdout
    found = re.search(r"(\d+)", answer)
    return int(found[1]) if found else 0
