"""What the shell asks while somebody types: names out of the files, without loading the command.

Click knows the options and their fixed values, but has to load the whole command for them.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from jobrunner.cli.known_names import KnownNames, read_known_names

TAKE_ADDRESSES = frozenset(
    {
        "backfill", "explain", "fsck", "get", "history", "next", "pause", "render", "resume", "run",
        "runs list",
    }
)  # fmt: skip
"""Commands whose argument is a job."""
_NAMES_OF_OPTIONS: Mapping[str, str] = {
    "--allow-protected": "addresses", "--job": "addresses", "--target": "addresses",
    "--environment": "environments", "-e": "environments", "--namespace": "namespaces",
    "--owner": "owners", "--queue": "queues", "--tag": "tags",
}  # fmt: skip


def complete_names(
    group: click.Group, variable: str, environ: Mapping[str, str], folder: Path
) -> bool:
    """Answer the shell with names of the files. False: it does not ask, or for something else."""
    shell, _, asked = environ.get(variable, "").partition("_")
    found = get_completion_class(shell)
    if asked != "complete" or found is None:
        return False
    completion = found(group, {}, "jobrunner", variable)
    words, begun = completion.get_completion_args()
    kind = _kind_asked_for(words, begun)
    if not kind:
        return False
    known = read_known_names(_config(words, environ), folder)
    for name in sorted(_names(known, kind)):
        if name.startswith(begun):
            sys.stdout.write(completion.format_completion(CompletionItem(name)) + "\n")
    return True


def _names(known: KnownNames, kind: str) -> set[str]:
    names: set[str] = getattr(known, kind)
    return names


def _kind_asked_for(words: Sequence[str], begun: str) -> str:
    """A field of KnownNames, '' for none."""
    before = words[-1] if words else ""
    if before in _NAMES_OF_OPTIONS:
        return _NAMES_OF_OPTIONS[before]
    if begun.startswith("-") or (before.startswith("-") and "/" not in begun):
        return ""
    typed = [
        word
        for word_before, word in pairwise(["", *words])
        if not word.startswith("-") and word_before != "--config"
    ]
    is_taken = " ".join(typed[:1]) in TAKE_ADDRESSES or " ".join(typed[:2]) in TAKE_ADDRESSES
    return "addresses" if is_taken else ""


def _config(words: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """`--config FILE` among the words, or the environment's."""
    named = environ.get("JOBRUNNER_CONFIG", "")
    if "--config" in words[:-1]:
        named = words[words.index("--config") + 1]
    return Path(named) if named else None
