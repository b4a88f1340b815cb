"""What a message says: facts, which are kept with it, and the words made of them when it is sent.

`Message` is also the body of a web hook; what is in it is a promise (`docs/how-to/alerts.md`).
"""

import uuid
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from jobrunner.alerts.incidents import Kind
from jobrunner.wording.foreign_text import one_line
from jobrunner.wording.times import exact

_ERROR_CHARACTERS = 500
_SHORT_COMMIT = 10
_TITLES = {
    "failure": "{job} failed",
    "missed": "{job} did not run when it was due",
    "late": "{job} is late",
    "too_long": "{job} runs too long",
}
_RECOVERED = "{job} has recovered: it {was}"
_WAS = {
    "failure": "had failed",
    "missed": "had missed times",
    "late": "was late",
    "too_long": "ran too long",
}
# Signs with which chat services mark text, link it, or call somebody.
_TAMED = str.maketrans(
    {"<": "\u2039", ">": "\u203a", "`": "'", "*": "\u2217", "~": "\u223c", "@": "@\u200b"}
)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunFacts(_Value):
    """The run by which it was seen."""

    id: uuid.UUID
    scheduled_for: datetime
    state: str
    error: str | None
    """One line."""


class JobFacts(_Value):
    """The job at that moment."""

    project: str
    environment: str
    job: str
    """`namespace/job`."""
    owner: str
    file: str
    line: int
    commit: str | None
    next_run_at: datetime | None


class Message(_Value):
    """One message for one notifier."""

    version: Literal[1] = 1
    id: uuid.UUID
    """The same at each try: who gets it twice can tell."""
    event: Literal["opened", "recovered", "test"]
    kind: Kind | None
    """None for a test."""
    since: datetime
    """When it went wrong first."""
    occurred: int
    """How many times since then."""
    about: JobFacts | None
    """None for a test."""
    run: RunFacts | None


def title_of(message: Message) -> str:
    """One line of plain text, the subject of a mail."""
    if message.kind is None or message.about is None:
        return "A test message of jobrunner"
    job = tame(message.about.job)
    if message.event == "recovered":
        return _RECOVERED.format(job=job, was=_WAS[message.kind])
    return _TITLES[message.kind].format(job=job)


def text_of(message: Message, *, web_url: str = "") -> str:
    """Lines of plain text; `web_url` is where the pages are, '' when nobody has said."""
    if message.about is None:
        return "Somebody has tried whether messages arrive here. They do."
    lines = [f"{title_of(message)}.", *_when(message), *_run(message), *_job(message.about)]
    link = link_of(message, web_url=web_url)
    return "\n".join([*lines, *([link] if link else [])])


def link_of(message: Message, *, web_url: str) -> str | None:
    """The page of the run; None when nobody has said where the pages are."""
    if not web_url or message.run is None:
        return None
    return f"{web_url.rstrip('/')}/runs/{message.run.id}"


def tame(text: str) -> str:
    """What somebody else wrote, on one line, with nothing that a chat service or a mail would act on."""
    return one_line(text).translate(_TAMED).replace("](", "] (")


def _when(message: Message) -> list[str]:
    times = "once" if message.occurred == 1 else f"{message.occurred} times"
    return [f"Since: {exact(message.since, UTC)}, {times}"]


def _run(message: Message) -> list[str]:
    if message.run is None:
        return []
    lines = [f"Run: {message.run.id}, due {exact(message.run.scheduled_for, UTC)}"]
    if message.run.error and message.event == "opened":
        lines.append(f"Error: {tame(message.run.error)[:_ERROR_CHARACTERS]}")
    return lines


def _job(job: JobFacts) -> list[str]:
    commit = "" if job.commit is None else f", commit {tame(job.commit)[:_SHORT_COMMIT]}"
    environment = f" ({tame(job.environment)})" if job.environment else ""
    next_run = "none is planned" if job.next_run_at is None else exact(job.next_run_at, UTC)
    lines = [
        f"Next run: {next_run}",
        f"Defined in: {tame(job.file)}:{job.line}{commit}, project {tame(job.project)}{environment}",
    ]
    return [*lines, f"Owner: {tame(job.owner)}"] if job.owner else lines
