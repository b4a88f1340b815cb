"""Imports in plain values, and what was written read back as a project reads it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from jobrunner.importing.crontab import DEFAULTS, NOTES, Form, read_crontab, without_shared_locks
from jobrunner.importing.entries import Entry, Import, Job
from jobrunner.importing.result import Result, make_result
from jobrunner.spec.models import JobSpec
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_PROJECT = SourceFile("jobrunner.yaml", b"version: 1\nallow: {commands: true}\n")


def cron_entries(
    text: str | bytes, *, form: Form = "user", path: str = "crontab", timezone: str = "UTC"
) -> tuple[Entry, ...]:
    """The entries of a crontab."""
    content = text.encode() if isinstance(text, str) else text
    return without_shared_locks([*read_crontab(content, path, form=form, timezone=timezone)])


def cron_job(text: str, *, form: Form = "user") -> Job:
    """The only entry of a crontab, which is a job."""
    (entry,) = cron_entries(text, form=form)
    assert isinstance(entry, Job)
    return entry


def command_of(line: str) -> list[str]:
    """What a line runs, as words."""
    words: list[str] = cron_job(line).keys["command"]
    return words


def result_of(entries: Iterable[Entry], scheduler: str = "cron") -> Result:
    """Names, comparisons and the text."""
    defaults = DEFAULTS if scheduler == "cron" else {"overlap": "allow"}
    imported = Import("jobrunner import", scheduler, "cron", defaults, NOTES, tuple(entries))
    return make_result(imported, NOW)


def read_back(result: Result) -> dict[str, JobSpec]:
    """The jobs of what was written, which is without mistakes."""
    parsed = parse_project(_PROJECT, [SourceFile("jobs.d/cron.yaml", result.text.encode())])
    assert parsed.diagnostics == ()
    return {job.spec.name: job.spec for job in parsed.jobs}
