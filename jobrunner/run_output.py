"""Stores what a run prints and says, about once a second while it goes on and the rest at its end."""

import threading
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from jobrunner.crash_points import reach
from jobrunner.db import run_logs
from jobrunner.db.attempts import ClaimedRun
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.progress import write_progress
from jobrunner.masking import Masker
from jobrunner.output import Capture, Recording
from jobrunner.saying import Said, heard

LOG_EVERY_SECONDS = 1.0


class OutputWriter:
    """Catches what a run prints and says, and stores it about once a second while it runs.

    The thread starts with the first output or word: a run that has none costs nothing.
    """

    def __init__(
        self, database: KeptConnection, capture: Capture, run: ClaimedRun, masker: Masker
    ) -> None:
        self._database = database
        self._run = run
        self._recording = Recording(self._start, masker)
        self._said = Said(self._start, masker.text)
        self._captured = capture.record(self._recording)
        self._heard = heard(self._said)
        self._is_started = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._captured.__enter__()
        self._heard.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heard.__exit__(kind, error, trace)
        self._captured.__exit__(kind, error, trace)
        self._recording.end()
        self._ended.set()

    def write(self, *, patience_seconds: float | None) -> None:
        """Store all that is there."""
        if self._is_started.locked():
            self._database.do(self._store, patience_seconds=patience_seconds)

    def _start(self) -> None:
        if self._is_started.acquire(blocking=False):  # never released: once is enough
            threading.Thread(target=self._write_live, name="run log", daemon=True).start()

    def _write_live(self) -> None:
        while not self._ended.wait(LOG_EVERY_SECONDS):
            self._database.do(self._store, patience_seconds=None)

    def _store(self, connection: Connection) -> None:
        while (batch := self._recording.batch()) is not None:
            run_logs.write_pieces(
                connection,
                self._run.claim.run_id,
                self._run.attempt,
                batch.pieces,
                drop=batch.drop,
            )
            reach("output_half_written")
            self._recording.confirm()
        news = self._said.news()
        if news is not None:
            write_progress(connection, self._run.claim, news.said)
            self._said.confirm(news)
