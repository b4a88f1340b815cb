"""A plan as it is asked for, made and shown.

Loaded when the files are being read: what is compared with the database, and how, takes as long to load as
a thousand jobs to read.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from jobrunner.cli.database import actor_of, open_database, with_commit
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.git import git_commit, git_is_dirty
from jobrunner.cli.layout import text
from jobrunner.cli.other_side import read_other_side
from jobrunner.cli.plan_file import write_plan_file
from jobrunner.cli.plan_markdown import plan_markdown
from jobrunner.cli.plan_options import Asked, Form
from jobrunner.cli.plan_text import plan_lines, wanted_text
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import style
from jobrunner.db.current import InForce, read_in_force
from jobrunner.db.migrate import check_revision
from jobrunner.desired import Desired
from jobrunner.errors import ConfigurationError, JobrunnerError
from jobrunner.plan.changes import Plan
from jobrunner.plan.saved import Origin, SavedPlan, make_saved
from jobrunner.reconcile import ApplyOptions, compare, plan_against, reading, with_refusal

_AT_ONCE_SECONDS = 2
"""The least that the driver knows. Mistakes of the files wait so long for a host that is silent."""


class Looked(NamedTuple):
    """What is in force, and the transaction in which it was read."""

    connection: Connection
    in_force: InForce


def look(session: Session, project: str, opened: ExitStack) -> Looked | None:
    """What is in force, before it is known what it is compared with; the transaction ends with `opened`.

    None where the database does not answer at once, or not as it should: who goes on without it meets the
    same, and tells it.
    """
    try:
        with ExitStack() as trying:
            engine = trying.enter_context(
                open_database(
                    session, "plan", check=False, connect_timeout_seconds=_AT_ONCE_SECONDS
                )
            )
            check_revision(engine)
            connection = trying.enter_context(reading(engine))
            in_force = read_in_force(connection, project)
            opened.push(_Closing(trying.pop_all()))
            return Looked(connection, in_force)
    except (JobrunnerError, SQLAlchemyError):
        return None


class _Closing(AbstractContextManager[None]):
    """Ends what was opened early. Where the files have mistakes, nothing else is told, even if the database
    has gone meanwhile.
    """

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            return self._opened.__exit__(kind, error, traceback)
        except (JobrunnerError, SQLAlchemyError):
            if isinstance(error, ConfigurationError):
                return False
            raise


def make_asked(
    session: Session, desired: Desired, asked: Asked, looked: Looked | None
) -> tuple[Plan, SavedPlan | None]:
    """The plan, and what can be saved of it; None where nothing can be applied."""
    if not asked.of_the_database:
        return _against(session, desired, asked), None
    # Git is asked before anything is compared, and once.
    options = with_commit(
        ApplyOptions(author=actor_of(session), targets=asked.targets), desired.root
    )
    with ExitStack() as opened:
        if looked is None:
            engine = opened.enter_context(open_database(session, "plan"))
            connection, in_force = opened.enter_context(reading(engine)), None
        else:
            connection, in_force = looked
        opened.enter_context(session.output.progress("comparing with the database"))
        made = compare(
            connection,
            desired,
            keyring=keyring_of(session),
            targets=asked.targets,
            horizon=asked.horizon,
            in_force=in_force,
        )
        plan = with_refusal(connection, made.plan, desired, options)
    return plan, make_saved(made.plan, made.current, made.moves, _origin(desired, options))


def _origin(desired: Desired, options: ApplyOptions) -> Origin:
    return Origin(
        tool_version=version("celery-jobrunner"),
        git_commit=options.git_commit,
        git_dirty=options.git_dirty,
        git_committed_at=options.git_committed_at,
        missing_folders=desired.missing_folders,
        guards=desired.project.guards,
    )


def _against(session: Session, desired: Desired, asked: Asked) -> Plan:
    other = read_other_side(session, desired.project.project, asked.against)
    with session.output.progress("comparing"):
        return plan_against(
            desired,
            other.jobs,
            notifiers=other.notifiers,
            what=other.name,
            now=other.now,
            keyring=other.keyring,
            targets=asked.targets,
            horizon=asked.horizon,
        )


def show_plan(
    session: Session, plan: Plan, form: Form, *, rolled_back_to: int | None = None
) -> None:
    """The result of the command, in the form that was asked for. Of a rollback with its revision."""
    match form:
        case "json":
            session.output.document(plan.as_json(), "json")
        case "markdown":
            session.output.result_text(plan_markdown(plan))
        case "human":
            session.output.told(*plan_lines(plan, wanted=wanted_text(rolled_back_to)))


def save_plan(session: Session, out: Path, saved: SavedPlan) -> None:
    """Write it to `out`, and say what to type next."""
    write_plan_file(session.working_directory / out, saved)
    session.output.explain(f"Saved {out}, digest {saved.digest}. Apply with: jobrunner apply {out}")


def head_lines(name: str, desired: Desired, plan: Plan, *, seconds: float) -> Sequence[str]:
    """What was compared with what."""
    environment = f"   env {text(plan.environment)}" if plan.environment else ""
    schedules = sum(len(job.spec.schedules) for job in desired.jobs)
    figures = [count(desired.files, "file"), count(len(desired.jobs), "job")]
    base = f"against {plan.against}" if plan.against else f"base revision {plan.base_revision}"
    compared = f"{base}{_git(desired)}"
    read = f"read {', '.join(figures)}, {count(schedules, 'schedule')} in {seconds:.1f}s"
    title = style(f"jobrunner {name}", "strong")
    unnamed = "" if desired.has_project_file else " (no jobrunner.yaml was found)"
    return (
        f"{title}   project {text(plan.project)}{unnamed}{environment}   {compared}",
        style(read, "quiet"),
        "",
    )


def _git(desired: Desired) -> str:
    commit = git_commit(desired.root)
    if commit is None:
        return ""
    return f"   git {commit[:7]} {'dirty' if git_is_dirty(desired.root) else 'clean'}"
