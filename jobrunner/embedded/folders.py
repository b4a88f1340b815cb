"""Where the private servers keep their things, reachable for their account, one start at a time.

.jobrunner/lock            held by `lock_folder` until the last server has ended
.jobrunner/data/           0700, the account's own · as root possibly a link into /var/lib/jobrunner
    postgres/ *.log        the cluster; what the servers said
    run/                   the sockets · elsewhere when the path is too long for one
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jobrunner.embedded.account import Account
from jobrunner.embedded.children import EVERYTHING_STOPS_WITHIN_SECONDS
from jobrunner.errors import EmbeddedServerError

ROOT_FOLDER = Path("/var/lib/jobrunner")
"""For root, where its account cannot enter the project's folder."""
_LONGEST_SOCKET_BYTES = 103  # sun_path holds 104 on macOS and 108 on Linux, the last of them zero
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
# A comma separates hosts for libpq, and other letters have a meaning in one URL or another.
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True)
class Folders:
    """Existing folders."""

    data: Path
    """The starting user's own; the servers' account can pass through."""
    sockets: Path
    """The account's own."""


class FolderLock:
    """Held while this process, or a supervisor that was given `fileno()`, has it open."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def fileno(self) -> int:
        return self._file.fileno()

    def release(self) -> None:
        self._file.close()


def lock_folder(folder: Path) -> FolderLock:
    """Make the folder and claim it. Raises EmbeddedServerError when another process has it.

    A dead process's servers are still ending for a moment; they are waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+", encoding="ascii")
    deadline = time.monotonic() + 2 * EVERYTHING_STOPS_WITHIN_SECONDS
    while not _try_lock(file):
        holder = _read_process_id(file)
        if _is_alive(holder) or time.monotonic() > deadline:
            file.close()
            raise EmbeddedServerError(
                f"jobrunner already runs here, as process {holder}: it holds {folder / 'lock'}.",
                hint=f"Use the running one, or end it first: kill {holder}",
            )
        time.sleep(0.05)
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return FolderLock(file)


def make_folders(folder: Path, account: Account) -> Folders:
    """Find or make the data folder and the sockets' folder. Call it with the lock held."""
    data = _data_folder(folder.resolve(), account)
    return Folders(data=data, sockets=_sockets_folder(data, account))


def remove_sockets(folders: Folders) -> None:
    """Once the servers have ended: nothing of ours stays outside the data folder."""
    shutil.rmtree(folders.sockets, ignore_errors=True)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_process_id(file: IO[str]) -> int:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else 0


def _is_alive(process_id: int) -> bool:
    if process_id == 0:
        return False
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _data_folder(folder: Path, account: Account) -> Path:
    data = folder / "data"
    if data.exists():
        _check_owner(data, os.geteuid())
        return data.resolve()
    data.unlink(missing_ok=True)  # a link whose target was removed
    _make_passable(data, account)
    if account.can_enter(data):
        return data
    data.rmdir()
    elsewhere = make_root_folder() / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    _make_passable(elsewhere, account)
    data.symlink_to(elsewhere)
    return elsewhere


def make_root_folder() -> Path:
    """`ROOT_FOLDER`, made when needed: others may pass through it, not look around."""
    ROOT_FOLDER.mkdir(parents=True, exist_ok=True)
    ROOT_FOLDER.chmod(0o711)
    return ROOT_FOLDER


def _make_passable(folder: Path, account: Account) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700 if account.user_id is None else 0o711)


def _sockets_folder(data: Path, account: Account) -> Path:
    sockets = data / "run"
    socket = os.fsencode(sockets / _LONGEST_SOCKET_NAME)
    if len(socket) > _LONGEST_SOCKET_BYTES or not _PLAIN_PATH.fullmatch(socket):
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        sockets = Path("/tmp") / f"jobrunner-{name}"  # noqa: S108  short, and its owner is checked
    account.make_folder(sockets)
    if sockets.is_symlink():  # in /tmp anybody could have put it there
        raise EmbeddedServerError(f"{sockets} is a link, not our folder.", hint="Remove it.")
    _check_owner(sockets, os.geteuid() if account.user_id is None else account.user_id)
    return sockets


def _check_owner(folder: Path, expected: int) -> None:
    owner = folder.stat().st_uid
    if owner != expected:
        raise EmbeddedServerError(
            f"{folder} belongs to the user with id {owner}, not to the one with id {expected}.",
            hint="Start it as the same user as the first time, or remove the folder to begin anew.",
        )
