"""A machine with a processor to spare, whatever this one has."""

import os
import threading

import pytest


def pretend_two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a copy of the process may do so: a plugin of pytest may have a thread of its own."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)
