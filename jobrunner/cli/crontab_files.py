"""The crontabs that `jobrunner import crontab` reads: those that are named, one's own, or the machine's."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobrunner.cli.session import Session
from jobrunner.errors import JobrunnerError
from jobrunner.importing.crontab import Form, read_crontab
from jobrunner.importing.entries import Entry, Left

_SYSTEM_CRONTAB = Path("/etc/crontab")
_SYSTEM_FOLDER = Path("/etc/cron.d")
_NAME_THAT_CRON_READS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
)
_LARGEST_BYTES = 5_000_000


def crontab_entries(
    session: Session, files: Sequence[Path], zone: str, *, system: bool | None
) -> Iterator[Entry]:
    """Of these files, or of those that cron reads. Raises JobrunnerError for what cannot be read."""
    if not files and not system:
        yield from read_crontab(_own_crontab(session), "crontab -l", form="user", timezone=zone)
        return
    for file in files or _system_files():
        if not files and set(file.name) - _NAME_THAT_CRON_READS:
            yield Left(str(file), "", "cron passes over a file of that name, and so does this")
            continue
        is_system = _is_system(file) if system is None else system
        form: Form = "system" if is_system else "user"
        yield from read_crontab(_content(session, file), str(file), form=form, timezone=zone)


def _system_files() -> list[Path]:
    inside = sorted(file for file in _SYSTEM_FOLDER.glob("*") if file.is_file())
    files = [_SYSTEM_CRONTAB, *(file for file in inside if file.name != ".placeholder")]
    found = [file for file in files if file.is_file()]
    if not found:
        raise JobrunnerError(
            f"There is neither {_SYSTEM_CRONTAB} nor a file in {_SYSTEM_FOLDER}.",
            hint="Name the files: jobrunner import crontab --system FILE …",
        )
    return found


def _is_system(file: Path) -> bool:
    return file.resolve().parent.name == "cron.d" or file.resolve() == _SYSTEM_CRONTAB


def _content(session: Session, file: Path) -> bytes:
    if str(file) == "-":
        return session.given_bytes()
    path = session.working_directory / file
    try:
        with path.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise JobrunnerError(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > _LARGEST_BYTES:
        raise JobrunnerError(
            f"{file} has more than {_LARGEST_BYTES:,} bytes: no crontab is that large."
        )
    return content


def _own_crontab(session: Session) -> bytes:
    try:
        done = subprocess.run(
            ("crontab", "-l"),  # noqa: S607  where it lies differs
            capture_output=True,
            check=False,
            timeout=10,
            cwd=session.working_directory,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JobrunnerError(
            f"`crontab -l` cannot be run: {error}.",
            hint="Name a file: jobrunner import crontab FILE",
        ) from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        raise JobrunnerError(
            f"`crontab -l` says: {told}.", hint="--system reads the machine's own."
        )
    return done.stdout
