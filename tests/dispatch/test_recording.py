"""What `jobrunner.recording` loads: an apply calls it, and every apply is a process of its own."""

import subprocess
import sys


def test_what_an_apply_records_due_times_with_loads_nothing_of_the_logs() -> None:
    looked = (
        "import sys, jobrunner.recording; print(sorted({'structlog', 'celery'} & {*sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", looked], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "[]\n"
