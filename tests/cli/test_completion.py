"""Completion: the scripts in real shells, names out of the files, and how little is loaded for them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from jobrunner.cli.completing import TAKE_ADDRESSES
from jobrunner.cli.known_names import KnownNames, read_known_names
from jobrunner.cli.main import COMMANDS, group

BIN = Path(sys.executable).parent
JOBS = """\
namespace: ops
defaults: {queue: slow, owner: data}
jobs:
  report: {task: a.b, tags: [daily]}
  restore: {task: a.b, queue: high}
  sync:
    task: a.b
    matrix: {size: [s], region: [EU, us]}
---
jobs:
  alone: {task: a.b}
"""

COMPLETE_IN_BASH = """
eval "$(jobrunner completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_jobrunner_completion jobrunner
printf '%s\\n' "${COMPREPLY[@]}"
"""
COMPLETE_IN_FISH = 'jobrunner completion fish | source; complete --do-complete "$argv"'
# A shell that is not at a terminal completes nothing: what its widget would be given is written down.
COMPLETE_IN_ZSH = """
autoload -Uz compinit && compinit -u -d "$PWD/.zcompdump"
eval "$(jobrunner completion zsh)"
compadd() { print -l -- ${(P)@[-1]} }
_describe() { print -l -- ${(P)@[-2]} }
words=("$@")
CURRENT=$#
_jobrunner_completion
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    (tmp_path / "jobrunner.yaml").write_text(
        "queues: {low: {}}\nenvironments: {prod: {}}\n", encoding="utf-8"
    )
    return tmp_path


def environ(**more: str) -> dict[str, str]:
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/nonexistent", **more}


def in_shell(folder: Path, command: Sequence[str]) -> list[str]:
    done = subprocess.run(
        command, cwd=folder, env=environ(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return [line for line in done.stdout.split("\n") if line]


def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash would propose for the last of the words."""
    return in_shell(folder, ["bash", "--norc", "-c", COMPLETE_IN_BASH, "bash", *words])


def in_fish(folder: Path, *words: str) -> list[str]:
    line = " ".join(words)
    told = in_shell(folder, ["fish", "--no-config", "-c", COMPLETE_IN_FISH, line])
    return [one.partition("\t")[0] for one in told]


def in_zsh(folder: Path, *words: str) -> list[str]:
    told = in_shell(folder, ["zsh", "--no-rcs", "-c", COMPLETE_IN_ZSH, "zsh", *words])
    return [one.partition(":")[0] for one in told]


SHELLS = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_each_shell_that_is_here_completes_addresses_commands_and_options(
    folder: Path, shell: str
) -> None:
    complete = SHELLS[shell]
    assert complete(folder, "jobrunner", "run", "ops/re") == ["ops/report", "ops/restore"]
    assert complete(folder, "jobrunner", "resu") == ["resume"]
    assert "--wait" in complete(folder, "jobrunner", "run", "--wa")


def test_bash_completes_the_values_of_options_and_commands_below_others(folder: Path) -> None:
    assert in_bash(folder, "jobrunner", "list", "-o", "") == ["table", "json", "yaml"]
    assert in_bash(folder, "jobrunner", "runs", "sh") == ["show"]


def asked(folder: Path, words: str) -> list[str]:
    """By the protocol that the scripts speak; a word that is begun is the last one."""
    told = subprocess.run(
        [BIN / "jobrunner"],
        cwd=folder,
        env=environ(
            _JOBRUNNER_COMPLETE="bash_complete",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split(" ")) - 1),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stderr == ""
    return [line.removeprefix("plain,") for line in told.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("jobrunner pause ops/sync", ["ops/sync-eu-s", "ops/sync-us-s"]),
        ("jobrunner get d", ["default/alone"]),
        ("jobrunner runs list --job ops/rep", ["ops/report"]),
        ("jobrunner --config jobrunner.yaml run ops/rep", ["ops/report"]),
        ("jobrunner run --wait ops/rep", ["ops/report"]),
        ("jobrunner list --queue ", ["high", "low", "slow"]),
        ("jobrunner list --tag ", ["daily"]),
        ("jobrunner list --owner ", ["data"]),
        ("jobrunner pause --namespace ", ["default", "ops"]),
        ("jobrunner plan -e ", ["prod"]),
        ("jobrunner run nothing", []),
    ],
)
def test_names_come_from_the_files(folder: Path, words: str, names: list[str]) -> None:
    assert asked(folder, words) == names


def test_names_come_without_loading_models_database_or_celery(folder: Path) -> None:
    program = (
        "import os, sys; from jobrunner.cli.main import main; main(); "
        "print(*sorted({'pydantic', 'sqlalchemy', 'celery'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environ(
            _JOBRUNNER_COMPLETE="bash_complete", COMP_WORDS="jobrunner run ops/rep", COMP_CWORD="2"
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout == "plain,ops/report\n\n"


def test_a_folder_whose_files_cannot_be_read_has_no_names(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_bytes(b"jobs: [\xff")
    (tmp_path / "jobrunner.yaml").write_text("include: [/etc/*.yaml, jobs.d/*.yaml, {}]\n", "utf-8")
    assert read_known_names(None, tmp_path) == KnownNames()


def test_every_command_that_takes_an_address_completes_one() -> None:
    takes = {path for path, command in all_commands() if takes_an_address(command)}
    assert takes - TAKE_ADDRESSES == set()


def all_commands() -> list[tuple[str, click.Command]]:
    """Path → command, also of those below another."""
    context = click.Context(group)
    found = [(name, group.get_command(context, name)) for name in COMMANDS]
    tops = [(name, command) for name, command in found if command is not None]
    below = [
        (f"{name} {sub}", command)
        for name, top in tops
        if isinstance(top, click.Group)
        for sub, command in top.commands.items()
    ]
    return tops + below


def takes_an_address(command: click.Command) -> bool:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    return any(argument.name in {"address", "addresses"} for argument in arguments)
