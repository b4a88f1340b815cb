"""`jobrunner explain`: what a key of the files or the code of a mistake means; or, of a job, when it is due,
in words, or where each of its values comes from.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import click

from jobrunner.cli.code_text import all_codes_lines, code_lines, is_code
from jobrunner.cli.coming import (
    Asked,
    asked_of,
    clock_notes,
    coming_times,
    other_notes,
    words_lines,
)
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.layout import text
from jobrunner.cli.origin_text import origin_lines
from jobrunner.cli.output import Form
from jobrunner.cli.project import find_schedules
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.cli.style import style
from jobrunner.errors import NotFound
from jobrunner.files import read_project
from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.keys import KEYS, meant_by
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.origins import origins_of
from jobrunner.spec.parse import trace_job
from jobrunner.spec.reference import KeyMeaning, key_meanings
from jobrunner.wording.times import listed

_NEXT_SHOWN = 3


@make_command(
    "explain",
    "What a key of the files or a code means; when a job is due, in words; where its values come from.\n\n"
    "WHAT is a key such as overlap or retry.delay, the code of a mistake such as E304, or an address: "
    "namespace/job, or namespace/job#schedule. Without WHAT all codes are listed. No database, no network.",
    examples=[
        ("jobrunner explain exclude", "What the key means, and what may be written."),
        ("jobrunner explain E304", "What the code says, a bad example, and the mended one."),
        ("jobrunner explain", "All codes, each in a few words."),
        ("jobrunner explain ops/disk-report --origin", "Which line gives each value."),
    ],
)
@click.argument("what", required=False)
@click.option("--origin", is_flag=True, help="Where each value of a job comes from.")
@output_option
def command(session: Session, what: str | None, *, origin: bool, form: Form) -> None:
    if origin:
        if what is None:
            raise click.UsageError("--origin needs the address of a job: namespace/job.")
        _show_origins(session, what, form)
        return
    if form != "table":
        raise click.UsageError("-o goes with --origin: the rest is written for people.")
    if what is None:
        lines = all_codes_lines()
    elif is_code(what):
        lines = code_lines(what)
    elif "/" in what:
        job, schedules = find_schedules(session, what)
        lines = _job_lines(job, asked_of(job.spec, schedules), datetime.now(UTC))
    else:
        lines = _key_lines(what)
    session.output.told(*lines)


def _show_origins(session: Session, address: str, form: Form) -> None:
    with session.output.progress("reading the files"):
        read = read_project(config=session.config, working_directory=session.working_directory)
        traced = trace_job(read.config, read.files, address, given=given_of(session))
    if traced is None:
        job, _ = find_schedules(session, address)
        raise NotFound(f"A schedule has no origin of its own; {job.address} has.")
    origins = origins_of(traced)
    if form != "table":
        session.output.document([one.as_json() for one in origins], form)
        return
    place = style(f"{text(traced.job.location.file)}:{traced.job.location.line}", "quiet")
    session.output.result(f"{style(text(address), 'strong')}  {place}", "")
    session.output.result(*origin_lines(origins, session.output.columns))


def _key_lines(name: str) -> Iterator[str]:
    meanings = key_meanings(name)
    if not meanings:
        raise NotFound(f"There is no key {name!r}.", hint=_instead(name))
    for number, found in enumerate(meanings):
        if number:
            yield ""
        yield from _meaning_lines(found)


def _instead(name: str) -> str:
    key = name.rpartition(".")[2]
    if key_meanings(key):
        return f"jobrunner explain {key}"
    if meant := meant_by(key):
        return f"Another tool may call it so; here {meant}."
    known = tuple(dict.fromkeys(key for keys in KEYS.values() for key in keys))
    guess = did_you_mean(key, known)
    return f"Did you mean {guess}?" if guess else _WHERE_KEYS_ARE_LISTED


_WHERE_KEYS_ARE_LISTED = "`jobrunner explain jobs` lists a job's keys, `… schedule` a schedule's."


def _meaning_lines(found: KeyMeaning) -> Iterator[str]:
    default = f", default {_plain(found.default)}" if found.default else ""
    yield f"{style(found.key, 'strong')}  {style(f'in {found.place}', 'quiet')}"
    yield f"  {_plain(found.meaning)}"
    yield f"  {style('form', 'quiet')}  {_plain(found.form)}{default}"
    if found.keys_below:
        yield f"  {style('keys', 'quiet')}  {', '.join(found.keys_below)}"


def _plain(markdown: str) -> str:
    """As a terminal shows it."""
    return markdown.replace("\\|", "|").replace("`", "")


def _job_lines(job: DefinedJob, schedules: list[Asked], now: datetime) -> Iterator[str]:
    place = style(f"{text(job.location.file)}:{job.location.line}", "quiet")
    yield f"{style(text(job.address), 'strong')}  {place}"
    if job.spec.description:
        yield f"  {text(job.spec.description)}"
    if not job.spec.enabled:
        yield "  It is not enabled: it fires nothing."
    if not schedules:
        yield f"  It has no schedule; start it with `jobrunner run {text(job.address)}`."
    for schedule in schedules:
        yield ""
        yield from words_lines([schedule])
        yield from _coming_lines(job, schedule, now)


def _coming_lines(job: DefinedJob, schedule: Asked, now: datetime) -> Iterator[str]:
    spec = next(one for one in job.spec.schedules if one.name == schedule.name)
    if not spec.enabled:
        yield "  It is not enabled: it fires nothing."
        return
    coming = list(islice(coming_times([schedule], now), _NEXT_SHOWN))
    zone = schedule.timing.zone
    times = listed([one.at for one in coming], zone, near=now)
    yield f"  next {times}" if coming else "  It does not run any more."
    for effect in clock_notes(coming, schedule, now):
        yield f"  note: {effect.in_words()}"
    for note in other_notes(coming, schedule, now):
        yield f"  note: {note}"
