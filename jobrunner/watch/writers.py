"""Who writes the files at this moment: a git that holds its lock, a program that has one open."""

import fcntl
import os
import signal
from collections.abc import Iterable
from pathlib import Path

_LEASE = getattr(fcntl, "F_SETLEASE", None)
"""Linux only; elsewhere nobody can be asked."""


def held_git_lock(root: Path) -> str:
    """The lock of the work tree that `root` lies in, while git holds it; '' while it does not."""
    for folder in (root, *root.parents):
        entry = folder / ".git"
        if os.path.lexists(entry):
            lock = _git_folder(entry) / "index.lock"
            return str(lock) if os.path.lexists(lock) else ""
    return ""


def is_open_for_writing(paths: Iterable[Path]) -> bool:
    """Some program has one of these files open for writing: what stands there may be a part.

    Linux tells it to the owner of a file, and to root. Where it is told to nobody (NFS), a file that
    nobody has leased to us counts as open; where it cannot be asked, none does.
    """
    return _LEASE is not None and any(_is_open_for_writing(path) for path in paths)


def _git_folder(entry: Path) -> Path:
    if entry.is_dir():
        return entry
    try:  # a linked work tree: the file names its own git folder
        named = entry.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return entry
    return entry.parent / named.removeprefix("gitdir:").strip()


def _is_open_for_writing(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Who opens the file while it is leased makes the kernel send us a signal: not SIGIO, which
        # would end the process, but one that means nothing to it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
