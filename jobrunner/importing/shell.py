"""A crontab's command: as words for `command`, and what it may be called."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from jobrunner.spec.durations import format_duration, parse_duration

SHELL = "/bin/sh"
_LIKE_SH = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
"""Shells that run a plain command with its arguments alike: none of them is needed for it."""

_PLAIN_WORD = r"[\w@%+=:,./-]+"
_QUOTED_WORD = r"'[^']*'|\"[^\"$`\\!]*\""
_NO_SHELL = re.compile(
    rf"(?:{_PLAIN_WORD}|{_QUOTED_WORD})(?:[ \t]+(?:{_PLAIN_WORD}|{_QUOTED_WORD}))*"
)
_SHELL_ITSELF = frozenset(
    {
        ".",
        ":",
        "alias",
        "bg",
        "break",
        "builtin",
        "case",
        "cd",
        "command",
        "continue",
        "declare",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
        "fi",
        "for",
        "function",
        "getopts",
        "hash",
        "if",
        "let",
        "local",
        "popd",
        "pushd",
        "read",
        "readonly",
        "return",
        "set",
        "shift",
        "shopt",
        "source",
        "then",
        "time",
        "times",
        "trap",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
    }
)
"""Words that no program stands behind, so that a shell has to read them."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)

_ARGUMENTS_IN_A_NAME = 3
_PIPES = re.compile(r"(?<!\|)\|(?!\|)")
_SEPARATORS = re.compile(
    r"&&|\|\||[;|(){}\n]|(?<!>)&(?!>)|(?:^|\s)(?:then|else|do|if|elif|while)\s"
)
_NO_SUBJECT = frozenset(
    {
        "test",
        "[",
        "[[",
        "true",
        "false",
        "exit",
        "fi",
        "done",
        "esac",
        "echo",
        "printf",
        "sleep",
        "tee",
        "cat",
        "tail",
        "head",
        "grep",
        "sed",
        "awk",
        "logger",
        "mail",
        ".",
        ":",
        "cd",
        "source",
        "set",
        "export",
        "umask",
        "ulimit",
        "date",
        "rm",
        "mkdir",
        "touch",
    }
)
"""Programs that stand beside what a line is about."""
_WRAPPERS = frozenset(
    {
        "nice",
        "ionice",
        "timeout",
        "flock",
        "env",
        "sudo",
        "chronic",
        "exec",
        "nohup",
        "command",
        "time",
        "setsid",
    }
)
_INTERPRETERS = frozenset(
    {"sh", "bash", "dash", "perl", "python", "python3", "php", "php-cgi", "ruby", "node", "java"}
)
_ENDING = re.compile(r"\.(sh|pl|py|php|rb|cron|cgi)$")
_ASSIGNMENT = re.compile(r"\w+=")
_SUBJECT = re.compile(r"(?!\.\w*$)[\w./-]*[A-Za-z][\w./-]*", re.ASCII)
"""What can be the name of a program: `./poll`, and not the `.gz` that is left of `$(date).gz`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line's command, ready to be a job's."""

    words: tuple[str, ...]
    timeout: str = ""
    """A duration, where `timeout` was all that a wrapper said."""
    lock: str = ""
    """The file of a `flock -n` that was taken off."""


def read_command(text: str, stdin: str | None, environment: Mapping[str, str]) -> Command:
    """`text` as the shell gets it, `stdin` as the program reads it, `environment` from the lines above.

    Words without a shell where the text holds nothing that a shell would do anything about.
    """
    shell = environment.get("SHELL") or SHELL
    passed = [f"{name}={value}" for name, value in environment.items() if name != "SHELL"]
    prefix = ("/usr/bin/env", *passed) if passed else ()
    is_like_sh = shell.rpartition("/")[2] in _LIKE_SH
    words = _without_shell(text) if stdin is None and is_like_sh else None
    if words is None:
        return Command((*prefix, shell, "-c", text if stdin is None else _fed(text, stdin)))
    words, timeout = _without_timeout(words)
    words, lock = _without_lock(words)
    return Command((*prefix, *words), timeout, lock)


def _without_shell(text: str) -> list[str] | None:
    if not _NO_SHELL.fullmatch(text):
        return None
    words = shlex.split(text)
    return None if "=" in words[0] or words[0] in _SHELL_ITSELF else words


def _fed(text: str, stdin: str) -> str:
    """The same with its standard input. The line feed ends a comment or a last `&`."""
    lines = " ".join(shlex.quote(line) for line in stdin.split("\n"))
    return f"printf '%s\\n' {lines} | (\n{text}\n)"


def _without_timeout(words: list[str]) -> tuple[list[str], str]:
    """`timeout 5m program`: without options it is just what `timeout:` does."""
    if len(words) < 3 or words[0] not in {"timeout", "/usr/bin/timeout"}:
        return words, ""
    match = _DURATION.fullmatch(words[1])
    try:
        duration = parse_duration(f"{match[1]}{match[2] or 's'}") if match else None
    except ValueError:
        return words, ""
    return (words[2:], format_duration(duration)) if duration else (words, "")


def _without_lock(words: list[str]) -> tuple[list[str], str]:
    """`flock -n FILE program`: what starts while it runs is passed over, as with `overlap: skip`."""
    if len(words) < 4 or words[0] not in {"flock", "/usr/bin/flock"}:
        return words, ""
    if words[1] not in {"-n", "--nb", "--nonblock"} or words[2].startswith("-"):
        return words, ""
    return (words, "") if words[3].startswith("-") else (words[3:], words[2])


def name_of(text: str) -> str:
    """What a command line is about, for a person: `run-parts-cron.daily`, `logcheck`."""
    for stage in _PIPES.split(text):  # what reads its output is beside the point
        named = [name for part in _SEPARATORS.split(stage) if (name := _subject(part.split()))]
        if named:
            return named[-1]
    return next(_meant(text.split()), "command")


def _subject(words: Sequence[str]) -> str:
    program, *arguments = [*_meant(words)] or [""]
    if not program or program in _NO_SUBJECT:
        return ""
    before_output = [*takewhile(_is_plain, arguments)]
    words_first = [*_plain(takewhile(lambda word: not word.startswith("-"), before_output))]
    named = words_first[:_ARGUMENTS_IN_A_NAME] or [*_plain(before_output)][:1]
    return "-".join((program, *named))


def _meant(words: Iterable[str]) -> Iterator[str]:
    """Program and arguments, without assignments, wrappers and interpreters before them."""
    rest = [word.strip("\"'") for word in words]
    while rest:
        base = rest[0].rpartition("/")[2]
        if _ASSIGNMENT.match(rest[0]) or rest[0] == "!":
            rest = rest[1:]
        elif base in _INTERPRETERS and rest[1:2] in (["-c"], ["-e"], []):
            yield base
            return
        elif base in _WRAPPERS or base in _INTERPRETERS:
            rest = _wrapped(base, rest[1:])
        elif _SUBJECT.fullmatch(rest[0]):
            yield _ENDING.sub("", base)
            yield from rest[1:]
            return
        else:
            return


def _wrapped(wrapper: str, words: Iterable[str]) -> list[str]:
    """What a wrapper runs: its options, its numbers and its lock file are not looked at."""
    rest = [word for word in words if not word.startswith("-")]
    if wrapper == "flock":
        rest = rest[1:]
    return rest[1:] if rest and rest[0][:1].isdigit() else rest


def _is_plain(word: str) -> bool:
    return not set(word) & set("<>$`*?\"'")


def _plain(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if not word.startswith("-") and _SUBJECT.fullmatch(word):
            yield _ENDING.sub("", word.rstrip("/").rpartition("/")[2])
