"""What `apply` and `rollback` share: show the plan, ask, and then do exactly what was shown."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import click
from sqlalchemy import Engine

from jobrunner.beside import Answer, worked_out_beside
from jobrunner.cli.command import Function
from jobrunner.cli.database import actor_of
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.plan_options import target_option
from jobrunner.cli.plan_text import plan_lines, wanted_text
from jobrunner.cli.revision_text import flapping_words
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import UsageError
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import same_options
from jobrunner.plan.saved import SavedPlan
from jobrunner.plan.targets import make_targets
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
from jobrunner.recording import record_due
from jobrunner.spec.durations import format_duration, parse_duration

_OPTIONS = (
    click.option("--yes", "-y", is_flag=True, help="Do not ask."),
    click.option("--expect", metavar="DIGEST", help="Only when the plan has this digest."),
    target_option,
    click.option(
        "--allow-deletes",
        type=click.IntRange(min=0),
        metavar="N",
        help="As many deletions are meant.",
    ),
    click.option(
        "--allow-protected",
        multiple=True,
        metavar="ADDRESS",
        help="This job may be deleted, although it says `protect: true`; can be repeated.",
    ),
    click.option(
        "--lock-timeout",
        default="30s",
        show_default=True,
        metavar="DURATION",
        help="How long another apply is waited for.",
    ),
)


def agreeing_options(function: Function) -> Function:
    """The flags by which a person, or a pipeline, says what is meant; for `options_of`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def options_of(session: Session, given: dict[str, Any]) -> ApplyOptions:
    """From the values of `agreeing_options`, `yes` aside. Raises UsageError."""
    return ApplyOptions(
        author=actor_of(session),
        expected_digest=_digest(given["expect"]),
        targets=make_targets(given["targets"]),
        allow_deletes=given["allow_deletes"],
        allow_protected=given["allow_protected"],
        lock_timeout_seconds=_seconds(given["lock_timeout"]),
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
    if yes:
        _show(session, act, applied.plan, told)
    _tell(session, applied)
    return applied


def _digest(given: str | None) -> str:
    """An empty one is a pipeline's variable that was not set: it must not stand for any plan."""
    if given == "":
        raise UsageError("--expect has no digest.", hint="`jobrunner plan` tells the one to write.")
    return given or ""


def _seconds(given: str) -> float:
    try:
        return parse_duration(given).total_seconds()
    except ValueError as error:
        raise UsageError(
            f"--lock-timeout: {error}.",
            hint=f"Write for example {format_duration(parse_duration(f'{LOCK_TIMEOUT_SECONDS}s'))}.",
        ) from error


def _show_plan(session: Session, engine: Engine, act: Act) -> Plan:
    """The plan, looked at before anything is locked; a guard that would refuse it says so now."""
    with reading(engine) as connection:
        plan = plan_wanted(connection, act.wanted, act.options)
        _show(session, act, plan, _lines(act, plan))
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
        is_saved = isinstance(act.wanted, SavedPlan)  # it knows its environment and its targets
        adopt = " --adopt" if act.options.adopt else ""
        command = f"jobrunner {act.name}{'' if is_saved else same_options(plan)}{adopt} --yes"
        raise UsageError(
            "Nobody is here to say yes, so nothing was applied.",
            hint=f"{command}, or better: {command} --expect {plan.digest}",
        )
    if not session.output.confirm("Apply this?", session.answers):
        raise click.Abort


def _tell(session: Session, applied: Applied) -> None:
    if applied.revision is None:
        return
    done = style("Applied", "good")
    session.output.result(f"{done} as revision {applied.revision} of {applied.plan.project}.")
    if applied.is_flapping:
        session.output.warning(*flapping_words(applied.revision))
