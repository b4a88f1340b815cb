"""A real worker that sends events."""

from tests.worker.conftest import folder, ledger, send, start_worker

__all__ = ["folder", "ledger", "send", "start_worker"]
