"""Which user the private servers run as: this one, or an unprivileged one when this one is root.

PostgreSQL refuses to run as root, and Valkey has no need to.
"""

import contextlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jobrunner.errors import EmbeddedServerError

_UNPRIVILEGED = ("nobody", "postgres")


@dataclass(frozen=True)
class Account:
    """A user of the operating system."""

    name: str
    user_id: int | None
    """What to change to; None is the user who starts the servers, who need not change."""
    group_id: int | None

    def make_folder(self, folder: Path) -> None:
        """Make a folder for this account alone, unless it is there."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if self.user_id is not None and self.group_id is not None:
                os.chown(folder, self.user_id, self.group_id)

    def can_enter(self, folder: Path) -> bool:
        """Whether the account itself finds its way into an existing folder (a 0700 home bars it)."""
        return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)).returncode == 0

    def run(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run a short program as this account, with next to no environment."""
        return subprocess.run(  # noqa: S603  programs that this package found itself
            argv,
            env=SERVER_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            user=self.user_id,
            group=self.group_id,
            extra_groups=None if self.user_id is None else [],
            umask=0o077,
        )


SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All that a server sees of ours: nothing a user has set changes how it behaves."""


def starting_user() -> str:
    """The name of the user this process runs as, as PostgreSQL's peer authentication sees it."""
    user_id = os.geteuid()
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError as error:
        raise EmbeddedServerError(
            f"The user id {user_id} has no name on this machine, which PostgreSQL needs.",
            hint="Add it to /etc/passwd, or set JOBRUNNER_DATABASE_URL to a server of your own.",
        ) from error


def server_account() -> Account:
    """Whom the servers run as. Raises EmbeddedServerError when root finds no other user."""
    name = starting_user()
    if os.geteuid() != 0:
        return Account(name=name, user_id=None, group_id=None)
    for candidate in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(candidate)
        except KeyError:
            continue
        return Account(name=candidate, user_id=entry.pw_uid, group_id=entry.pw_gid)
    raise EmbeddedServerError(
        "The private servers do not run as root, and there is neither a user nobody nor postgres.",
        hint="Run it as an ordinary user, or add one: useradd --system postgres",
    )
