"""What `jobrunner worker` and `jobrunner beat` load of Celery's command line."""

import subprocess
import sys


def test_a_start_loads_no_other_command_of_celery_and_no_plug_in() -> None:
    looked = (
        "import sys, jobrunner.cli.celery_command;"
        "print(sorted({'celery.bin.celery', 'click_repl', 'flower'} & {*sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", looked], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "[]\n"
