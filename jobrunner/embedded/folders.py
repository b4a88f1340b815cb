"""Where the private servers keep their things, reachable for their account, one start at a time.

.jobrunner/lock            held by `lock_folder` until the last server has ended
.jobrunner/data/           0700, the account's own · as root possibly a link into /var/lib/jobrunner
    postgres/ *.log        the cluster; what the servers said
    run/                   the sockets · elsewhere when the path is too long for one
"""

import contextlib
import fcntl
import hashlib
import os
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


@dataclass(frozen=True)
class Folders:
    """Existing folders, owned by the servers' account."""

    data: Path
    sockets: Path


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
    file = _open_lock_file(folder)
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


def _open_lock_file(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise EmbeddedServerError(
            f"{error.filename} cannot be written: {error.strerror}.",
            hint=f"Run it as the owner of {folder}, or in a folder of your own.",
        ) from error


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
        return _checked_owner(data.resolve(), account)
    with contextlib.suppress(FileNotFoundError):
        data.unlink()  # a link whose target was removed
    data.mkdir()
    account.own(data)
    if account.can_enter(data):
        return data
    data.rmdir()
    elsewhere = make_root_folder() / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    elsewhere.mkdir(exist_ok=True)
    account.own(elsewhere)
    data.symlink_to(elsewhere)
    return elsewhere


def make_root_folder() -> Path:
    """`ROOT_FOLDER`, made when needed: others may pass through it, not look around."""
    ROOT_FOLDER.mkdir(parents=True, exist_ok=True)
    ROOT_FOLDER.chmod(0o711)
    return ROOT_FOLDER


def _checked_owner(data: Path, account: Account) -> Path:
    owner = data.stat().st_uid
    expected = os.geteuid() if account.user_id is None else account.user_id
    if owner != expected:
        raise EmbeddedServerError(
            f"The servers' data in {data} belongs to the user with id {owner}, and the servers "
            f"would run as {account.name} ({expected}).",
            hint="Start it as the same user as the first time, or remove the folder to begin anew.",
        )
    return data


def _sockets_folder(data: Path, account: Account) -> Path:
    sockets = data / "run"
    if len(os.fsencode(sockets / _LONGEST_SOCKET_NAME)) > _LONGEST_SOCKET_BYTES:
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        sockets = Path("/tmp") / f"jobrunner-{name}"  # noqa: S108  short, and its owner is checked
    with contextlib.suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        account.own(sockets)
    if sockets.is_symlink():
        raise EmbeddedServerError(f"{sockets} is a link, not a folder of ours.", hint="Remove it.")
    return _checked_owner(sockets, account)
