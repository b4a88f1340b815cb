"""Start a private PostgreSQL and Valkey in a folder: for the first try, and for the tests."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from jobrunner.embedded.account import Account, server_account
from jobrunner.embedded.binaries import Binaries, find_binaries, make_reachable
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.folders import (
    Folders,
    lock_folder,
    make_folders,
    make_root_folder,
    remove_sockets,
)
from jobrunner.embedded.postgres import postgres_answers, postgres_program, postgres_url
from jobrunner.embedded.program import Program
from jobrunner.embedded.valkey import valkey_answers, valkey_program, valkey_url
from jobrunner.errors import EmbeddedServerError

_READY_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.01
_QUOTED_LOG_CHARACTERS = 1500


@dataclass(frozen=True)
class RunningServers:
    """What runs, until `stop()` or the end of this process, whatever its cause."""

    supervisor: Supervisor
    """Starts more programs, which end before the servers do."""
    database_url: str
    """'' when no PostgreSQL was asked for."""
    broker_url: str
    """'' when no Valkey was asked for."""
    _opened: ExitStack

    def stop(self) -> None:
        """Stop everything in order; within five seconds, by force where need be."""
        self._opened.close()


@dataclass(frozen=True)
class _Place:
    """What each server needs to know of where it runs."""

    binaries: Binaries
    folders: Folders
    account: Account


def start_servers(
    folder: Path,
    *,
    postgres: bool = True,
    valkey: bool = True,
    durable: bool = True,
    binaries: Binaries | None = None,
) -> RunningServers:
    """Start the servers asked for, with their data in `folder`, and return once they answer.

    With neither, the folder is locked and a supervisor stands ready for other programs.
    `durable=False` trades the safety of the data for speed: for tests. Raises EmbeddedServerError:
    nothing to run, somebody else runs here, or a server did not come up (with the end of its log).
    """
    try:
        with ExitStack() as opened:
            lock = lock_folder(folder)
            opened.callback(lock.release)
            database_url = broker_url = ""
            if postgres or valkey:
                place = _find_place(folder, binaries or find_binaries())
                opened.callback(remove_sockets, place.folders)
            supervisor = opened.enter_context(Supervisor(keep_open=(lock.fileno(),)))
            if postgres:
                database_url = _start_postgres(supervisor, place, durable=durable)
            if valkey:
                broker_url = _start_valkey(supervisor, place)
            return RunningServers(supervisor, database_url, broker_url, opened.pop_all())
    except OSError as error:
        raise EmbeddedServerError(
            f"The private servers cannot be started in {folder}: {error.filename}: {error.strerror}.",
            hint="Run it as the owner of the folder, or in a folder of your own.",
        ) from error


def _find_place(folder: Path, found: Binaries) -> _Place:
    account = server_account()
    return _Place(
        binaries=_reachable(found, account),
        folders=make_folders(folder, account),
        account=account,
    )


def _reachable(found: Binaries, account: Account) -> Binaries:
    if account.user_id is None:
        return found
    return make_reachable(found, account, copies=make_root_folder())


def _start_postgres(supervisor: Supervisor, place: _Place, *, durable: bool) -> str:
    program = postgres_program(place.binaries, place.folders, place.account, durable=durable)
    _start(supervisor, program, lambda: postgres_answers(place.folders))
    return postgres_url(place.folders)


def _start_valkey(supervisor: Supervisor, place: _Place) -> str:
    program = valkey_program(place.binaries, place.folders, place.account)
    _start(supervisor, program, lambda: valkey_answers(place.folders))
    return valkey_url(place.folders)


def _start(supervisor: Supervisor, program: Program, answers: Callable[[], bool]) -> None:
    log_file = Path(program.log_file)
    if log_file.exists():  # one earlier log is kept, so that they do not grow for ever
        log_file.rename(log_file.with_suffix(".log.1"))
    child = supervisor.start(program)
    deadline = time.monotonic() + _READY_SECONDS
    while not answers():
        if child.wait(_LOOK_AGAIN_SECONDS) is not None or time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The private {program.name} did not come up. The end of {log_file}:\n"
                + log_file.read_text(encoding="utf-8", errors="replace")[-_QUOTED_LOG_CHARACTERS:]
            )
