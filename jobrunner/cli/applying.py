"""An apply as it is asked for, carried out.

Loaded when the files are being read, as `planning` is.
"""

import shlex
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jobrunner.cli.agreeing import Act, carry_out, options_of
from jobrunner.cli.agreement import Agreement
from jobrunner.cli.database import open_database, with_commit
from jobrunner.cli.plan_file import read_plan_file
from jobrunner.cli.planning import head_lines
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of, settings_of
from jobrunner.cli.show import saved_head_lines
from jobrunner.desired import Desired
from jobrunner.errors import UsageError
from jobrunner.plan.changes import Plan
from jobrunner.reconcile import Applied, ApplyOptions


def make_it_so(
    session: Session, source: Desired | Path, agreement: Agreement, *, begun: float, yes: bool
) -> Applied:
    """Apply what the files say, read since the monotonic time `begun`, or the saved plan of this path."""
    options = options_of(session, agreement)
    act = (
        _of_saved(session, source, options)
        if isinstance(source, Path)
        else _of_files(session, source, options, begun)
    )
    with open_database(session, "apply") as engine:
        return carry_out(session, engine, act, yes=yes)


def _of_files(session: Session, desired: Desired, options: ApplyOptions, begun: float) -> Act:
    options = with_commit(replace(options, keyring=keyring_of(session)), desired.root)

    def head(plan: Plan) -> Sequence[str]:
        return head_lines("apply", desired, plan, seconds=time.monotonic() - begun)

    return Act("apply", desired, options, head)


def _of_saved(session: Session, file: Path, options: ApplyOptions) -> Act:
    if options.targets:
        raise UsageError(
            "A saved plan is applied as a whole.", hint="Give --target to the `plan` that saves it."
        )
    saved = read_plan_file(session.working_directory / file)
    environment = settings_of(session).environment
    if environment and environment != saved.environment:
        raise UsageError(
            f"{file} is a plan for environment {saved.environment or '(none)'}, not for {environment}.",
            hint="Leave the environment out: the plan knows its own.",
        )
    origin = saved.origin
    options = replace(
        options,
        git_commit=origin.git_commit,
        git_dirty=origin.git_dirty,
        git_committed_at=origin.git_committed_at,
    )
    return Act(
        f"apply {shlex.quote(str(file))}",
        saved,
        options,
        lambda _: saved_head_lines("apply", saved),
    )
