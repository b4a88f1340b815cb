"""What waits for a database that is away keeps no process of another app from its end."""

from threading import Thread

import pytest

from jobrunner.contrib import celery


def test_a_process_ends_though_its_reports_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(celery, "REPORTS_MAX", 1)
    monkeypatch.setattr(celery, "CLOSE_SECONDS", 0.1)
    writer = celery._Writer("postgresql://127.0.0.1:1/none")  # noqa: SLF001  a process of its own would prove no more
    for _ in range(3):
        writer.write(lambda _: None, wait=False)
    closing = Thread(target=writer.close, daemon=True)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()
