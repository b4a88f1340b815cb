"""What `apply` and `rollback` share: show the plan, ask, and then do exactly what was shown."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import click
from sqlalchemy import Engine

from jobrunner.beside import Answer, worked_out_beside
from jobrunner.cli.agreement import Agreement
from jobrunner.cli.database import actor_of
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.plan_text import plan_lines, wanted_text
from jobrunner.cli.revision_text import flapping_words
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import JobrunnerError, UsageError
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import same_options
from jobrunner.plan.saved import SavedPlan
from jobrunner.reconcile import (
    LOCK_TIMEOUT_SECONDS,
    Applied,
    ApplyOptions,
    Wanted,
    apply_project,
    check_wanted,
    plan_wanted,
    reading,
    rolled_back_to,
)
from jobrunner.reconcile.planning import check_expected
from jobrunner.recording import record_due
from jobrunner.spec.durations import format_duration


def options_of(session: Session, agreement: Agreement) -> ApplyOptions:
    """The same, as whoever is at the keyboard."""
    return ApplyOptions(
        author=actor_of(session),
        expected_digest=agreement.expected_digest,
        targets=agreement.targets,
        allow_deletes=agreement.allow_deletes,
        allow_protected=agreement.allow_protected,
        lock_timeout_seconds=agreement.lock_timeout_seconds,
        allow_older=agreement.allow_older,
        adopt=agreement.adopt,
    )


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be done, and how it is announced."""

    name: str
    """The command, as it is typed."""
    wanted: Wanted
    options: ApplyOptions
    head_lines: Callable[[Plan], Sequence[str]]


def carry_out(session: Session, engine: Engine, act: Act, *, yes: bool) -> Applied:
    """Show, ask unless `yes`, apply, tell. Raises UsageError where nobody can answer."""
    if not yes:
        shown = _show_plan(session, engine, act)
        if not shown.is_empty or shown.is_adoption:
            _ask(session, act, shown)
        digest = act.options.expected_digest or shown.digest
        act = replace(act, options=replace(act.options, expected_digest=digest))
    # What was not shown before is written out while the database is busy with it.
    lines: list[Answer[Sequence[str]]] = []
    with session.output.progress("applying"), ExitStack() as until_applied:

        def begin(plan: Plan) -> None:
            if yes:
                beside = worked_out_beside(lambda: _lines(act, plan), items=len(plan.changes))
                lines.append(until_applied.enter_context(beside))

        applied = apply_project(
            engine, act.wanted, options=act.options, record_due=record_due, begin=begin
        )
        told = [line for answer in lines for line in answer.value()]
    try:
        if yes:
            _show(session, act, applied.plan, told)
        _tell(session, applied)
    except JobrunnerError as error:  # nobody has seen it, and it is done all the same
        if applied.revision is None:
            raise
        raise JobrunnerError(
            f"Revision {applied.revision} of {applied.plan.project} is applied and stays in force. "
            f"{error.message}",
            hint=f"See what it is: jobrunner history {applied.revision}",
        ) from error
    return applied


def _show_plan(session: Session, engine: Engine, act: Act) -> Plan:
    """The plan, looked at before anything is locked; what would refuse it says so now."""
    with reading(engine) as connection:
        plan = plan_wanted(connection, act.wanted, act.options)
        _show(session, act, plan, _lines(act, plan))
        check_expected(plan, act.options.expected_digest)
        check_wanted(connection, plan, act.wanted, act.options)
    return plan


def _lines(act: Act, plan: Plan) -> Sequence[str]:
    return plan_lines(plan, wanted=wanted_text(rolled_back_to(act.wanted)))


def _show(session: Session, act: Act, plan: Plan, lines: Sequence[str]) -> None:
    session.output.say(*act.head_lines(plan))
    session.output.told(*lines)
    if plan.is_adoption and act.options.adopt:
        session.output.told(
            f"Adopts {count(plan.jobs_before, 'job')} of project {text(plan.project)} that the database "
            f"holds for no environment: {text(plan.environment)}'s from now on."
        )


def _ask(session: Session, act: Act, plan: Plan) -> None:
    if not session.output.interactive or not session.answers.isatty():
        command = _with_yes(session, act, plan)
        just_this = f"{command} --expect {plan.digest}"
        raise UsageError(
            "Nobody is here to say yes, so nothing was applied.",
            # Who expects a plan wants no other, and the project's guards may want none.
            hint=just_this if act.options.expected_digest else f"{command}, or better: {just_this}",
        )
    if not session.output.confirm("Apply this?", session.answers):
        raise click.Abort


def _with_yes(session: Session, act: Act, plan: Plan) -> str:
    """The command as it was given, and --yes."""
    is_saved = isinstance(act.wanted, SavedPlan)  # it knows its environment and its targets
    config = "" if session.given_config is None else f" --config {_quoted(session.given_config)}"
    given = "".join(f" {flag}" for flag in _agreed_flags(act.options))
    return f"jobrunner {act.name}{config}{'' if is_saved else same_options(plan)}{given} --yes"


def _agreed_flags(options: ApplyOptions) -> Iterator[str]:
    if options.allow_deletes is not None:
        yield f"--allow-deletes {options.allow_deletes}"
    yield from (f"--allow-protected {_quoted(address)}" for address in options.allow_protected)
    if options.allow_older:
        yield "--allow-older"
    if options.adopt:
        yield "--adopt"
    if options.lock_timeout_seconds != LOCK_TIMEOUT_SECONDS:
        seconds = timedelta(seconds=options.lock_timeout_seconds)
        yield f"--lock-timeout {format_duration(seconds)}"


def _quoted(given: object) -> str:
    return shlex.quote(str(given))


def _tell(session: Session, applied: Applied) -> None:
    if applied.revision is None:
        return
    done = style("Applied", "good")
    session.output.result(f"{done} as revision {applied.revision} of {applied.plan.project}.")
    if applied.is_flapping:
        session.output.warning(*flapping_words(applied.revision))
