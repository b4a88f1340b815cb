"""Two pieces of work on one database, whose statements are sent in an order that a test has drawn."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from jobrunner.db.engine import Limits, make_engine, transaction

Work = Callable[[Engine], object]

_LOOK_AGAIN_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0
_IS_BLOCKED = text("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = :pid AND NOT granted)")


def run_interleaved(
    url: str, admin: Engine, works: Sequence[Work], turns: Sequence[int]
) -> list[object]:
    """What each returns or raises. `turns` says whose next statement is sent; one that waits for a lock
    is passed over until it is let go, and when the turns are used up each goes on to its end.
    """
    with ThreadPoolExecutor(len(works)) as pool, _players(url, len(works)) as players:
        for player, work in zip(players, works, strict=True):
            player.start(pool, work)
        for turn in turns:
            _one_step(players[turn], admin)
        while not all(player.has_ended for player in players):
            for player in players:
                _one_step(player, admin)
        return [player.result() for player in players]


class _Player:
    """A thread of its own, which stops before each statement until it is its turn."""

    def __init__(self, url: str, number: int) -> None:
        limits = Limits(idle_timeout_seconds=_PATIENCE_SECONDS)
        self.engine = make_engine(
            url, application_name=f"player {number}", limits=limits, pool_size=1
        )
        self.has_ended = False
        self.is_blocked = False
        self._pid = 0
        self._go = threading.Semaphore(0)
        self._news: queue.Queue[bool] = queue.Queue()
        event.listen(self.engine, "before_cursor_execute", self._wait_for_turn)
        event.listen(self.engine, "commit", self._wait_for_turn)

    def start(self, pool: ThreadPoolExecutor, work: Work) -> None:
        """Up to its first statement."""
        self._future: Future[object] = pool.submit(self._play, work)
        self.has_ended = self._news.get(timeout=_PATIENCE_SECONDS)

    def result(self) -> object:
        """What the work has returned or raised."""
        return self._future.exception(_PATIENCE_SECONDS) or self._future.result()

    def send(self) -> None:
        """Its next statement; not to be waited for."""
        self._go.release()

    def has_news(self) -> bool:
        """It has come to its next statement, or to its end, since its last one was sent."""
        try:
            self.has_ended = self._news.get(timeout=_LOOK_AGAIN_SECONDS)
        except queue.Empty:
            return False
        return True

    def waits_for_a_lock(self, admin: Engine) -> bool:
        with transaction(admin) as connection:
            return bool(connection.execute(_IS_BLOCKED, {"pid": self._pid}).scalar_one())

    def _play(self, work: Work) -> object:
        try:
            return work(self.engine)
        finally:
            self._news.put(item=True)

    def _wait_for_turn(self, connection: Any, *_: Any) -> None:
        self._pid = connection.connection.dbapi_connection.info.backend_pid
        self._news.put(item=False)
        assert self._go.acquire(timeout=_PATIENCE_SECONDS)


def _one_step(player: _Player, admin: Engine) -> None:
    """One statement of a player, until it is answered or waits for a lock."""
    if player.has_ended:
        return
    if not player.is_blocked:
        player.send()
    while not player.has_news():
        if player.waits_for_a_lock(admin):
            player.is_blocked = True
            return
    player.is_blocked = False


@contextmanager
def _players(url: str, number: int) -> Iterator[list[_Player]]:
    players = [_Player(url, one) for one in range(number)]
    try:
        yield players
    finally:
        for player in players:
            player.engine.dispose()
