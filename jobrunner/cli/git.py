"""What git knows of a folder, where there is git: it is asked by its command."""

import subprocess
from pathlib import Path

_TIMEOUT_SECONDS = 5


def git_answer(folder: Path, *arguments: str) -> str:
    """The answer of git, '' when there is none: no git, no repository, no such setting."""
    try:
        asked = subprocess.run(  # noqa: S603  our own words
            # Without its optional locks it is in the way of nobody's commit or checkout.
            ["git", "--no-optional-locks", *arguments],  # noqa: S607  whichever git the person uses
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out; None outside a repository or before its first commit."""
    return git_answer(folder, "rev-parse", "HEAD") or None


def git_is_dirty(folder: Path) -> bool:
    """Something in the folder differs from the commit."""
    return bool(git_answer(folder, "status", "--porcelain", "--", "."))
