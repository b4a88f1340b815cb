"""`jobrunner rollback`: the jobs of an earlier revision in force again, by a plan like any other."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, Engine

from jobrunner.cli.agreeing import Act, carry_out, options_of
from jobrunner.cli.agreement import agreeing_options, agreement_of
from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.planning import save_plan, show_plan
from jobrunner.cli.revision_text import git_text
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.cli.style import style
from jobrunner.cli.which_project import project_guards, project_name_of
from jobrunner.db.engine import transaction
from jobrunner.db.history import Revision, get_revision
from jobrunner.db.notifiers import read_notifiers
from jobrunner.db.processes import read_processes
from jobrunner.db.projects import NEVER_APPLIED, find_project
from jobrunner.errors import UsageError
from jobrunner.garbage import collection_paused
from jobrunner.plan.changes import Create, Plan, Update
from jobrunner.plan.saved import Origin, SavedPlan, make_saved
from jobrunner.reconcile import ApplyOptions, Rollback, compare_rollback, reading
from jobrunner.spec.project import Given
from jobrunner.wording.times import distance


@make_command(
    "rollback",
    "Put the jobs of an earlier revision in force again: show the plan, ask, apply.\n\n"
    "It needs no job file. Deleted jobs return with their history. Notifiers stay as they are: a revision "
    "keeps no addresses. The files stay as they are, and their "
    "next apply brings them back: revert the commit as well.",
    examples=[
        ("jobrunner rollback 41", "All jobs as revision 41 had them."),
        ("jobrunner rollback 41 --target legacy/ftp-poll", "One job, which may be deleted."),
        ("jobrunner rollback 41 --out back.jrplan", "Somebody else looks first, and applies it."),
    ],
)
@click.argument("revision", type=click.IntRange(min=1))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the plan, to be applied by `apply FILE`; nothing is applied now.",
)
@agreeing_options
@collection_paused()
def command(session: Session, *, revision: int, out: Path | None, yes: bool, **given: Any) -> None:
    options = options_of(session, agreement_of(given))
    if out is not None and (yes or options.expected_digest):
        raise UsageError(
            "--out saves the plan and applies nothing, so there is nothing to agree to.",
            hint="Leave out --yes and --expect, or --out.",
        )
    with open_database(session, "rollback") as engine:
        with transaction(engine) as connection:
            wanted = _wanted(session, connection, revision)
            then = get_revision(connection, wanted.project, revision)
            watchers = _watchers(connection, wanted.project)
            notifiers = read_notifiers(connection, wanted.project)

        def head(plan: Plan) -> Sequence[str]:
            return _head_lines(plan, then, watchers, notifiers)

        if out is None:
            carry_out(session, engine, Act(f"rollback {revision}", wanted, options, head), yes=yes)
        else:
            saved = _make(engine, wanted, options)
            session.output.explain(*head(saved.plan()))
            show_plan(session, saved.plan(), "human", rolled_back_to=revision)
            save_plan(session, out, saved)


def _make(engine: Engine, wanted: Rollback, options: ApplyOptions) -> SavedPlan:
    with reading(engine) as connection:
        made = compare_rollback(connection, wanted, targets=options.targets)
    origin = Origin(
        tool_version=version("celery-jobrunner"),
        git_commit=None,
        git_dirty=False,
        missing_folders=(),
        guards=wanted.guards,
        rolled_back_to=wanted.revision,
    )
    return make_saved(made.plan, made.current, made.moves, origin)


def _wanted(session: Session, connection: Connection, revision: int) -> Rollback:
    """The guards are those that the project file has now, for the environment that is in force."""
    name = project_name_of(session, connection)
    applied = find_project(connection, name) or NEVER_APPLIED
    given = given_of(session)
    environment = given.environment or applied.environment
    guards = project_guards(session, Given(environment, given.variables))
    return Rollback(name, revision, environment, guards)


def _watchers(connection: Connection, project: str) -> list[str]:
    return sorted(
        seen.process.name
        for seen in read_processes(connection, kind="watch")
        if seen.is_alive and seen.process.details.get("project") == project
    )


def _head_lines(
    plan: Plan, then: Revision, watchers: Sequence[str], notifiers: Iterable[str]
) -> list[str]:
    environment = f"   env {text(plan.environment)}" if plan.environment else ""
    git = f", git {git_text(then)}" if then.git_commit else ""
    when = distance(then.created_at, datetime.now(UTC))
    title = style(f"jobrunner rollback {then.number}", "strong")
    lines = [
        f"{title}   project {text(plan.project)}{environment}   base revision {plan.base_revision}",
        style(f"revision {then.number} was applied {when} by {text(then.author)}{git}", "quiet"),
    ]
    known = sorted(notifiers)
    if known:
        lines.append(style(f"notifiers stay as they are: {', '.join(map(text, known))}", "quiet"))
    lines += [style(line, "warn") for line in _unheard_alerts(plan, known)]
    return [*lines, *([] if plan.is_empty else _warning_lines(watchers)), ""]


def _unheard_alerts(plan: Plan, known: Sequence[str]) -> Iterator[str]:
    """Files that say so are refused; a revision is from a time when there was such a notifier."""
    jobs: dict[str, list[str]] = {}
    wanted: list[Create | Update] = [*plan.creates, *plan.updates]
    for change in wanted:
        for name in {name for alert in change.job.spec.alerts for name in alert.to}:
            jobs.setdefault(name, []).append(change.address)
    for name in sorted(jobs.keys() - set(known)):
        first, others = text(jobs[name][0]), len(jobs[name]) - 1
        more = f" and of {count(others, 'more job')}" if others else ""
        yield f"There is no notifier {text(name)} any more: alerts of {first}{more} reach nobody there."


def _warning_lines(watchers: Sequence[str]) -> list[str]:
    told = ["The files stay as they are, and their next apply undoes this. Revert them, too."]
    told += [
        f"{text(name)} is at work: it applies when its files change, and when it starts anew."
        for name in watchers
    ]
    return [style(line, "warn") for line in told]
