"""Trees of processes, seen from the process that is to end or to bury them: one that is made for it."""

import subprocess
import sys

import pytest

from jobrunner.process_tree import descendants, how_it_ended, kill_tree
from tests.waiting import wait_until

BRANCH = "setsid sleep 300 & sleep 300 & echo ready; wait"


def seen_by_a_process(code: str) -> str:
    """What it prints."""
    begin = "import os, subprocess, sys\nfrom jobrunner.process_tree import *\n"
    made = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=20, check=True
    )
    return made.stdout.strip()


def test_a_tree_is_killed_across_sessions() -> None:
    process = subprocess.Popen(["sh", "-c", BRANCH], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    wait_until(lambda: len(descendants(process.pid)) == 2)
    kill_tree(process.pid)
    assert process.wait() == -9
    # Its end comes when nobody is left that could write to it.
    assert process.stdout.read() == b""
    process.stdout.close()


KILL_DESCENDANTS = """
process = subprocess.Popen(["sh", "-c", "setsid sleep 300 & sleep 300"])
kill_descendants()
print(process.wait())
"""


def test_exit_codes_of_killed_descendants_are_left_to_those_who_wait_for_them() -> None:
    assert seen_by_a_process(KILL_DESCENDANTS) == "-9"


BURY = """
from jobrunner.process_tree import _children
adopt_orphans()
process = subprocess.Popen(["sh", "-c", "exit 5"])
os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
outlives_its_parent = ["sh", "-c", "sleep 0.2 >/dev/null 2>&1 & echo $!"]
orphan = int(subprocess.run(outlives_its_parent, capture_output=True).stdout)
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
Undertaker().bury()
print(orphan in _children(os.getpid()), process.wait())
"""


def test_the_adopted_are_buried_and_no_exit_code_that_is_waited_for_is_taken() -> None:
    assert seen_by_a_process(BURY) == "False 5"


SWEEP = """
own = ["sleep", "300"]
helper = subprocess.Popen(own)
pool_child = subprocess.Popen(own, process_group=0)
orphan = subprocess.Popen(own, start_new_session=True)
print(sweep_orphans([pool_child.pid]), helper.poll(), pool_child.poll())
orphan.wait()
helper.kill(), pool_child.kill()
"""


def test_a_sweep_leaves_alone_what_the_process_has_started_itself() -> None:
    assert seen_by_a_process(SWEEP) == "1 None None"


@pytest.mark.parametrize(
    ("exit_code", "told"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-15, "killed (signal 15)"),
        (-9, "killed (signal 9, likely memory)"),
    ],
)
def test_how_a_process_ended_is_told_in_words(exit_code: int, told: str) -> None:
    assert how_it_ended(exit_code) == told
