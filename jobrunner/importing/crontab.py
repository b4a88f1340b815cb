"""Crontabs, line by line: what a user's `crontab -l` shows, and the system's files with a user a line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jobrunner.importing.cron_words import NotCron, cron_times, read_cron_time
from jobrunner.importing.entries import Entry, Job, Left, Remark
from jobrunner.importing.shell import Command, name_of, read_command
from jobrunner.schedule import ScheduleError, load_zone

Form = Literal["user", "system"]

NOTES = (
    (
        "Commands need allow: {commands: true} in the project file, and JOBRUNNER_ALLOW_COMMANDS=true for "
        "the workers."
    ),
    (
        "cron starts a command in its user's home, with PATH=/usr/bin:/bin; here it starts in the project's "
        "folder, as the worker's user, with the worker's PATH, HOME, LANG and TZ."
    ),
    "cron mails what a command writes; here it is in `jobrunner runs logs`, and `alerts` tell of failures.",
    "cron never ends a command; here a run is ended after `timeout`.",
)
DEFAULTS: Mapping[str, Any] = {
    # As cron does it: each time by itself, what was slept through is gone, nothing is tried again.
    "overlap": "allow",
    "catch_up": "skip",
    "retry": 0,
    "timeout": "1d",
}

_ASSIGNMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[^\s=]+)\s*=\s*(.*?)\s*""")
_BLANKS = re.compile(r"[ \t]+")
_PERCENT = re.compile(r"\\%|%")
_HEADS = re.compile(r"m(in(ute)?)?\s+h(our)?\s+d(om|ay)", re.IGNORECASE)
"""Of the columns: it describes no line."""
_UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LONGEST_DESCRIPTION = 200
_LONGEST_COMMAND = 10_000


@dataclass(slots=True)
class _Above:
    """What holds for the lines below."""

    timezone: str
    machine_timezone: str
    environment: dict[str, str] = field(default_factory=dict)
    mail_to: str | None = None
    own_zone: bool = False
    comments: list[str] = field(default_factory=list)
    """Right above the next line."""


def read_crontab(content: bytes, path: str, *, form: Form, timezone: str) -> Iterator[Entry]:
    """Every line of a file, accounted for. `timezone` is the machine's."""
    above = _Above(timezone, machine_timezone=timezone)
    for number, line in enumerate(content.split(b"\n"), start=1):
        yield from _read_line(line.rstrip(b"\r"), f"{path}:{number}", form, above)
    yield from _loose_comments(above)


def without_shared_locks(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """A lock file of two lines keeps them apart from each other, which `overlap` does not."""
    texts = [(entry.where, _text_of(entry)) for entry in entries if not isinstance(entry, Remark)]
    return tuple(_settled(one, texts) if isinstance(one, Job) else one for one in entries)


_LOCK = "flock"
"""Stands among a job's keys until it is known whether the file is this job's alone."""
_Texts = Sequence[tuple[str, str]]
"""Where each line stands, and what it runs."""


def _text_of(entry: Job | Left) -> str:
    """With the variables that it is given. What becomes no job is run by cron all the same."""
    if isinstance(entry, Left):
        return _one_name(entry.original)
    return _one_name("\n".join((entry.keys.get(_LOCK, ""), *entry.keys["command"])))


def _settled(job: Job, texts: _Texts) -> Job:
    keys = dict(job.keys)
    lock = keys.pop(_LOCK, None)
    if lock is None:
        return job
    other = _other_line_with(lock, job.where, texts)
    if other is None:
        note = f"flock -n {lock} is overlap: skip here; a program elsewhere that takes this lock is not seen"
        return replace(job, keys={**keys, "overlap": "skip"}, notes=(*job.notes, note))
    words = keys["command"]
    after_env = next((n for n, word in enumerate(words[1:], 1) if "=" not in word), 1)
    at = after_env if words[0] == "/usr/bin/env" else 0
    keys["command"] = [*words[:at], "flock", "-n", lock, *words[at:]]
    note = (
        f"flock -n {lock} stays in the command: {other} names this file, too, and overlap: skip "
        "would not keep the two apart"
    )
    return replace(job, keys=keys, notes=(*job.notes, note))


def _other_line_with(lock: str, where: str, texts: _Texts) -> str | None:
    """Where another line says the path of this lock, in whatever way it may take it: to tell what a
    shell's text does with a file is guessing, and a lock that stays for nothing does no harm.
    """
    path = _one_name(lock.removeprefix("./"))
    name = path.rpartition("/")[2]
    said = re.compile(
        rf"(?<![\w.-]){re.escape(path)}(?![\w./-])"
        rf"|[~$][\w{{}}./-]*/{re.escape(name)}(?![\w./-])"  # of a folder that the shell fills in
    )
    return next(
        (there for there, text in texts if there != where and name in text and said.search(text)),
        None,
    )


def _one_name(text: str) -> str:
    """Folders that have two names on each Linux."""
    return text.replace("/var/run/", "/run/").replace("/var/lock/", "/run/lock/")


def _read_line(raw: bytes, where: str, form: Form, above: _Above) -> Iterator[Entry]:
    line = raw.decode("utf-8", errors="replace")
    text = line.strip(" \t")
    if not text:
        yield from _loose_comments(above)
    elif _UNREADABLE.search(text):
        yield Left(where, text, "it is no UTF-8 text, or holds control characters")
    elif text.startswith("#"):
        comment = text.lstrip("#").strip()
        if _HEADS.match(comment):
            yield from _loose_comments(above)
            yield Remark(comment)
        else:
            above.comments.append(comment)
    elif match := _assignment(text):
        yield from _loose_comments(above)
        yield from _assign(match[0], match[1], where, above)
    else:
        yield from _read_entry(text, where, form, above)
        above.comments.clear()


def _loose_comments(above: _Above) -> Iterator[Remark]:
    yield from (Remark(comment) for comment in above.comments if comment)
    above.comments.clear()


def _assignment(text: str) -> tuple[str, str] | None:
    match = _ASSIGNMENT.fullmatch(text)
    if not match:
        return None
    name, value = (_unquoted(part) for part in match.groups())
    return name, value


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _assign(name: str, value: str, where: str, above: _Above) -> Iterator[Entry]:
    match name:
        case "MAILTO":
            above.mail_to = value
        case "CRON_TZ" if not value:
            above.timezone = above.machine_timezone
            above.own_zone = False
        case "CRON_TZ":
            try:
                above.timezone = load_zone(value).key
                above.own_zone = True
            except ScheduleError as error:
                yield Left(
                    where, f"CRON_TZ={value}", f"it holds for no line below: {error.message}"
                )
        case "CONTENT_TYPE" | "CONTENT_TRANSFER_ENCODING" | "MAILFROM":
            yield Left(where, f"{name}={value}", "it is about mail, which is not sent here")
        case "LOGNAME" | "USER":
            yield Left(where, f"{name}={value}", "cron itself sets it, whatever a crontab says")
        case "RANDOM_DELAY":
            yield Left(where, f"{name}={value}", "write jitter: into the schedules below it")
        case _ if not _VARIABLE.fullmatch(name):
            yield Left(where, f"{name}={value}", "it is no time with a command, nor a variable")
        case _:
            above.environment[name] = value


def _read_entry(text: str, where: str, form: Form, above: _Above) -> Iterator[Entry]:
    count = (1 if text.startswith("@") else 5) + (form == "system")
    words = _BLANKS.split(text, maxsplit=count)
    if len(words) <= count:
        yield from _loose_comments(above)
        yield Left(where, text, f"it has too few fields for a line of {_form_words(form)}")
        return
    user = words[count - 1] if form == "system" else ""
    try:
        time = read_cron_time(words[: count - (form == "system")])
    except NotCron as error:
        yield from _loose_comments(above)
        yield Left(where, text, f"{error}")
        return
    if len(words[count]) > _LONGEST_COMMAND:
        yield Left(
            where, text[:80] + "…", f"its command is longer than {_LONGEST_COMMAND:,} characters"
        )
        return
    description = " ".join(filter(None, above.comments)).rstrip(":")
    if len(description) > _LONGEST_DESCRIPTION:
        yield from _loose_comments(above)
        description = ""
    line, stdin = _split_input(words[count])
    command = read_command(line, stdin, above.environment)
    yield Job(
        where=where,
        original=text,
        wanted_name=_wanted_name(where, form, line),
        keys=_keys(description, user, command),
        schedule={"cron": time.expression, "timezone": above.timezone},
        notes=(*time.notes, *_notes(above, user, command.timeout, line)),
        old_times=None if time.is_random else cron_times(time.expression, above.timezone),
        repeats_skipped=True,
    )


def _form_words(form: Form) -> str:
    if form == "system":
        return "the system's form, which has a user after the time"
    return "a user's crontab"


def _split_input(text: str) -> tuple[str, str | None]:
    """The command, and what stands behind the first `%` that has no backslash: its standard input."""
    parts = [""]
    end = 0
    for found in _PERCENT.finditer(text):
        parts[-1] += text[end : found.start()]
        if found[0] == "%":
            parts.append("")
        else:
            parts[-1] += "%"
        end = found.end()
    parts[-1] += text[end:]
    command, *lines = parts
    if lines and not lines[-1]:
        lines.pop()  # each line ends with a line feed, the last one, too
    return command.strip(" \t"), "\n".join(lines) if len(parts) > 1 else None


def _wanted_name(where: str, form: Form, line: str) -> str:
    """In a package's file the package's name comes first, unless it is said anyway."""
    package = where.rpartition(":")[0].rpartition("/")[2]
    name = name_of(line)
    is_said = form == "user" or package == "crontab" or package.lower() in name.lower()
    return name if is_said else f"{package}-{name}"


def _keys(description: str, user: str, command: Command) -> dict[str, Any]:
    keys: dict[str, Any] = {"description": description} if description else {}
    if user:
        keys["tags"] = [f"user:{user}"]
    keys["command"] = list(command.words)
    if command.timeout:
        keys["timeout"] = command.timeout
    if command.lock:
        keys[_LOCK] = command.lock
    return keys


def _notes(above: _Above, user: str, timeout: str, line: str) -> Iterator[str]:
    if user:
        yield f"runs as {user} there; here as the user of the worker"
    if above.mail_to:
        yield f"MAILTO={above.mail_to}: write alerts: to tell somebody when it fails"
    if home := above.environment.get("HOME"):
        yield f"HOME={home}: cron starts it in that folder, here it starts in the project's: write full paths"
    if above.own_zone:
        yield f"CRON_TZ={above.timezone} is followed, as cronie does; Debian's cron does not look at it"
    if timeout:
        yield f"timeout {timeout} asks the command to end; here its processes are killed a moment later"
    if user == "" and line.split(None, 1)[0:1] == ["root"]:
        yield "its command begins with root: is this the system's form? Then add --system"
