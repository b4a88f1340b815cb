"""A private Valkey (or Redis): on a socket only, in memory only, since PostgreSQL is the truth."""

import socket
from urllib.parse import quote

from jobrunner.embedded.account import SERVER_ENVIRONMENT, Account
from jobrunner.embedded.binaries import Binaries
from jobrunner.embedded.folders import Folders
from jobrunner.embedded.program import Program

_SOCKET = "valkey.sock"
_ANSWER_SECONDS = 1.0

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory-policy": "noeviction",
    # A test run gives each test one of its own.
    "databases": "512",
    "daemonize": "no",
    "loglevel": "warning",
}


def valkey_program(binaries: Binaries, folders: Folders, account: Account) -> Program:
    """How to start it."""
    options = dict(_OPTIONS, dir=str(folders.sockets), unixsocket=str(folders.sockets / _SOCKET))
    settings = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program(
        name="valkey",
        argv=(str(binaries.redis_server), *settings),
        env=SERVER_ENVIRONMENT,
        cwd=str(folders.sockets),
        stage=0,
        stop_timeout_seconds=1.0,  # it has nothing to save
        user_id=account.user_id,
        group_id=account.group_id,
        log_file=str(folders.data / "valkey.log"),
    )


def valkey_url(folders: Folders) -> str:
    return f"redis+socket://{quote(str(folders.sockets / _SOCKET))}?virtual_host=0"


def valkey_answers(folders: Folders) -> bool:
    """Whether it takes commands."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(str(folders.sockets / _SOCKET))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
