"""What git knows of a folder, where there is git: it is asked by its command."""

import subprocess
from datetime import datetime
from pathlib import Path

_TIMEOUT_SECONDS = 5
_YES, _NO = 0, 1


def git_answer(folder: Path, *arguments: str) -> str:
    """The answer of git, '' when there is none: no git, no repository, no such setting."""
    asked = _ask(folder, *arguments)
    return "" if asked is None or asked.returncode != _YES else asked.stdout.strip()


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out; None outside a repository or before its first commit."""
    return git_answer(folder, "rev-parse", "HEAD") or None


def git_committed_at(folder: Path) -> datetime | None:
    """When that commit was made, by its committer's clock."""
    told = git_answer(folder, "log", "-1", "--format=%cI")
    return datetime.fromisoformat(told) if told else None


def git_is_dirty(folder: Path) -> bool:
    """Something in the folder differs from the commit."""
    return bool(git_answer(folder, "status", "--porcelain", "--", "."))


def git_is_behind(folder: Path, commit: str) -> bool | None:
    """Whether what is checked out comes before this commit; None where its repository cannot tell."""
    asked = _ask(folder, "merge-base", "--is-ancestor", "HEAD", commit)
    if asked is None or asked.returncode not in {_YES, _NO}:
        return None
    if asked.returncode == _NO and _is_shallow(folder):
        return None  # the way between the two may lie in what was not fetched
    return asked.returncode == _YES


def _is_shallow(folder: Path) -> bool:
    return git_answer(folder, "rev-parse", "--is-shallow-repository") == "true"


def _ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(  # noqa: S603  our own words
            # Without its optional locks it is in the way of nobody's commit or checkout.
            ["git", "--no-optional-locks", *arguments],  # noqa: S607  whichever git the person uses
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
