"""What waits for a database that is away keeps no process of another app from its end."""

from threading import Thread

import pytest

from jobrunner.contrib import celery
from tests.waiting import wait_until


def test_a_process_ends_though_its_reports_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(celery, "REPORTS_MAX", 1)
    monkeypatch.setattr(celery, "CLOSE_SECONDS", 0.1)
    writer = celery._Writer("postgresql://127.0.0.1:1/none")
    writer.write(lambda _: None, wait=False)
    wait_until(writer._queue.empty)  # the thread has it in hand
    writer.write(lambda _: None, wait=False)
    closing = Thread(target=writer.close, daemon=True)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()
