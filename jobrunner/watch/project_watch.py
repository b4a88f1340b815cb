"""The watcher on a project's folder and its database: what `jobrunner watch` and `up` run."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import transaction
from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS, Process, sign_in, sign_out
from jobrunner.errors import DatabaseUnavailable, GuardRefused
from jobrunner.files import PROJECT_FILE, ProjectFiles, read_project
from jobrunner.garbage import collection_paused
from jobrunner.reconcile import (
    Applied,
    ApplyOptions,
    Desired,
    plan_project,
    reading,
    understand,
)
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.project import Given
from jobrunner.spec.readings import Readings
from jobrunner.watch.approving import apply_or_leave, is_approved
from jobrunner.watch.hints import Hints, Watched
from jobrunner.watch.watcher import Look, Outcome, Watcher, WatchOptions
from jobrunner.watch.writers import held_git_lock, is_open_for_writing

_MISTAKES_KEPT = 20
_APPROVAL_SECONDS = 1.0
"""So often it is asked whether somebody has approved what a guard has refused, while it is refused."""

OptionsFor = Callable[[Desired], ApplyOptions]
"""Who applies, and from which commit: asked anew before each apply."""


class ProjectWatch:
    """Call `wait`, then `run_once`, again and again; `close` at the end. One thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        config: Path | None,
        working_directory: Path,
        given: Given,
        options_for: OptionsFor,
        report: Callable[[Outcome], None],
        options: WatchOptions,
    ) -> None:
        self._engine = engine
        self._config, self._working_directory = config, working_directory
        self._given = given
        self._options_for = options_for
        self._options = options
        self._read: ProjectFiles | None = None
        """What the last look has found."""
        self._readings = Readings()
        self._project_root: Path | None = None
        """Where the project file is that was found; None as long as there was none."""
        self._file_is_gone = False
        self._watcher = Watcher(
            look=self._look, reconcile=self._reconcile, report=report, options=options
        )
        self._hints: Hints | None = None
        self._process: Process | None = None
        self._look_at = self._sign_at = 0.0
        self._refused_project: str | None = None
        """Whose plan a guard has refused; None while none is."""
        self._approval_at = 0.0

    @property
    def problem(self) -> str:
        """Why it polls although events were wanted; '' while they come."""
        return "" if self._hints is None else self._hints.problem

    @property
    def outcome(self) -> Outcome:
        """What has become of the newest content."""
        return self._watcher.outcome

    def wait(self, longest_seconds: float) -> None:
        """Until something may have changed, the next look is due, or `longest_seconds` have passed."""
        due = [self._look_at, self._sign_at]
        if self._refused_project is not None:
            due.append(self._approval_at)
        seconds = min(due) - time.monotonic()
        timeout_seconds = max(0.0, min(seconds, longest_seconds))
        if self._hints is None:
            time.sleep(timeout_seconds)
        elif self._hints.wait(timeout_seconds):
            self._look_at = 0.0

    @collection_paused()  # until it waits: nobody waits for it then
    def run_once(self) -> None:
        """Look if it is time to, and give the sign of life if it is time to."""
        now = time.monotonic()
        if self._refused_project is not None and now >= self._approval_at:
            self._approval_at = now + _APPROVAL_SECONDS
            self._ask_for_approval(self._refused_project)
        if now >= self._look_at:
            story = self.outcome.story
            polls = self._hints is None or bool(self._hints.problem)
            self._look_at = now + self._watcher.run_once(now, polls=polls)
            if self.outcome.story != story:
                self._sign_at = 0.0
        if now >= self._sign_at:
            self._sign_at = now + SIGN_OF_LIFE_SECONDS
            self._sign_in()

    def close(self) -> None:
        """Listen no more, and say good-bye."""
        if self._hints is not None:
            self._hints.close()
        if self._process is None:
            return
        # A database that is away learns of it by the missing sign of life.
        with suppress(DatabaseUnavailable, DBAPIError), transaction(self._engine) as connection:
            sign_out(connection, self._process)

    def _look(self) -> Look:
        begun = time.monotonic()
        # Listening comes first: what changes while the files are read is heard.
        if self._hints is None and not self._options.poll:
            self._hints = Hints(self._watched(None))
        read = self._read = read_project(
            config=self._config, working_directory=self._working_directory
        )
        self._notice_project_file(read)
        if self._hints is not None:
            self._hints.watched = self._watched(read)
        return Look(
            content_hash=read.content_hash,
            seconds=time.monotonic() - begun,
            git_lock=held_git_lock(read.root),
            is_unfinished=is_open_for_writing(read.root / file.path for file in read.sources),
        )

    def _notice_project_file(self, read: ProjectFiles) -> None:
        """Without its file a project would be another one: that of a folder above, or `default`.

        A link that leads elsewhere is none of that: it leads to another release, not upwards.
        """
        known = self._project_root
        self._file_is_gone = (
            known is not None
            and not os.path.exists(known / PROJECT_FILE)  # noqa: PTH110  a folder may be closed to us
            and (read.config is None or known.is_relative_to(read.root))
        )
        if read.config is not None and not self._file_is_gone:
            self._project_root = read.root

    def _watched(self, read: ProjectFiles | None) -> Watched:
        """`read` None: before the first reading it is not known what the project includes."""
        here = self._working_directory if self._config is None else self._config.parent
        root = here.resolve() if read is None else read.root
        flat = {here, here.parent, root, root.parent}
        if read is None:
            return Watched(root=root, flat=frozenset(flat), deep=frozenset())
        deep = {_deep_folder(root, pattern) for pattern in read.project.include if "/" in pattern}
        return Watched(root=root, flat=frozenset(flat), deep=frozenset(deep))

    def _reconcile(self) -> Applied:
        if self._file_is_gone and self._config is None:
            assert self._project_root is not None  # noqa: S101  it was there, or it could not be gone
            raise GuardRefused(
                f"The project file {self._project_root / PROJECT_FILE} has gone.",
                hint="Put it back, or start again here if the project is meant to be another one.",
            )
        assert self._read is not None  # noqa: S101  a look comes first
        desired = understand(self._read, self._given, self._readings)
        if self._options.dry_run:
            keyring = self._options_for(desired).keyring
            with reading(self._engine) as connection:
                return Applied(None, plan_project(connection, desired, keyring=keyring))
        self._refused_project = None
        try:
            return apply_or_leave(self._engine, desired, self._options_for(desired))
        except GuardRefused:
            self._refused_project = desired.project.project
            raise

    def _ask_for_approval(self, project: str) -> None:
        with suppress(DatabaseUnavailable, DBAPIError):  # it is asked again
            if is_approved(self._engine, project):
                self._watcher.retry_now()
                self._look_at = 0.0

    def _sign_in(self) -> None:
        outcome = self.outcome
        details = {
            "config": str(outcome.state),
            "message": outcome.message,
            "mistakes": [_mistake(one) for one in outcome.diagnostics[:_MISTAKES_KEPT]],
            "root": str(self._working_directory if self._read is None else self._read.root),
            "project": "" if outcome.applied is None else outcome.applied.plan.project,
        }
        with suppress(DatabaseUnavailable, DBAPIError), transaction(self._engine) as connection:
            self._process = sign_in(connection, "watch", details=details, earlier=self._process)


def _mistake(found: Diagnostic) -> dict[str, Any]:
    """Without the line itself: it may hold what is not to be stored."""
    return {
        "code": found.code,
        "file": found.location.file,
        "line": found.location.line,
        "column": found.location.column,
        "message": found.message,
        "help": found.help,
    }


def _deep_folder(root: Path, pattern: str) -> Path:
    """The first folder of an `include` pattern, or all of the root when that is a wildcard."""
    first = pattern.partition("/")[0]
    return root if set(first) & set("*?[") else root / first
