"""Programs that are started, stopped, and never left behind."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import LineBuffer, Program
from jobrunner.errors import EmbeddedServerError
from tests.waiting import wait_until

IGNORES_SIGTERM = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
MOVES_AWAY = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
STARTS_ONE_PROGRAM = """
import sys
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import Program

supervisor = Supervisor()
program = Program(name="it", argv=("sleep", "600"), env={"PATH": "/usr/bin:/bin"}, cwd="/")
print(supervisor.start(program).pid, flush=True)
sys.stdin.read()
"""


def shell(script: str, *, name: str = "it", **options: Any) -> Program:
    environment = {"PATH": os.environ["PATH"]}
    return Program(name=name, argv=("/bin/sh", "-c", script), env=environment, cwd="/", **options)


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


class Heard:
    """The lines of a program, and a way to wait for them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.lines) >= count, timeout=10)
        return self.lines


@pytest.fixture
def own_supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor


def test_output_arrives_line_by_line_with_the_last_words(own_supervisor: Supervisor) -> None:
    heard = Heard()
    child = own_supervisor.start(shell("echo one; echo two >&2; printf three"), on_line=heard)
    assert child.wait(10) == 0
    assert heard.lines == ["one", "two", "three"]


def test_output_that_is_no_text_is_replaced(own_supervisor: Supervisor) -> None:
    heard = Heard()
    own_supervisor.start(shell(r"printf '\377\n'"), on_line=heard)
    assert heard.wait_for(1) == ["\N{REPLACEMENT CHARACTER}"]


def test_a_line_without_end_comes_in_pieces() -> None:
    lines = LineBuffer(longest_bytes=4)
    assert lines.feed(b"ab\nabcdefghij") == [b"ab", b"abcd", b"efgh"]
    assert lines.finish() == [b"ij"]


def test_the_exit_code_of_a_program_is_kept(own_supervisor: Supervisor) -> None:
    assert own_supervisor.start(shell("exit 7")).wait(10) == 7


def test_a_program_that_a_signal_ended_has_a_negative_code(own_supervisor: Supervisor) -> None:
    assert own_supervisor.start(shell("kill -9 $$")).wait(10) == -signal.SIGKILL


def test_a_program_sees_only_the_environment_it_is_given(own_supervisor: Supervisor) -> None:
    heard = Heard()
    program = Program(name="it", argv=("/usr/bin/env",), env={"A": "1"}, cwd="/")
    assert own_supervisor.start(program, on_line=heard).wait(10) == 0
    assert heard.lines == ["A=1"]


def test_output_can_go_to_a_file(own_supervisor: Supervisor, tmp_path: Path) -> None:
    log_file = tmp_path / "it.log"
    own_supervisor.start(shell("echo hello", log_file=str(log_file))).wait(10)
    assert log_file.read_text(encoding="utf-8") == "hello\n"


def test_a_program_that_does_not_exist_is_named(own_supervisor: Supervisor) -> None:
    program = Program(name="it", argv=("/no/such",), env={}, cwd="/")
    with pytest.raises(EmbeddedServerError, match=r"/no/such could not be started: .*No such file"):
        own_supervisor.start(program)


def test_a_name_is_taken_while_its_program_runs(own_supervisor: Supervisor) -> None:
    own_supervisor.start(shell("sleep 600"))
    with pytest.raises(EmbeddedServerError, match="A program named it already runs"):
        own_supervisor.start(shell("true"))


def test_a_name_is_free_again_once_its_program_has_ended(own_supervisor: Supervisor) -> None:
    own_supervisor.start(shell("exit 1")).wait(10)
    assert own_supervisor.start(shell("exit 2")).wait(10) == 2


def test_stop_sends_the_stop_signal(own_supervisor: Supervisor) -> None:
    heard = Heard()
    script = "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done"
    own_supervisor.start(shell(script, stop_signal=signal.SIGINT), on_line=heard)
    heard.wait_for(1)
    assert own_supervisor.stop("it") == 5


def test_stop_is_by_force_when_the_time_is_up(own_supervisor: Supervisor) -> None:
    heard = Heard()
    own_supervisor.start(shell(IGNORES_SIGTERM, stop_timeout_seconds=0.1), on_line=heard)
    heard.wait_for(1)
    assert own_supervisor.stop("it") == -signal.SIGKILL


def test_stopping_what_was_never_started_is_nothing(own_supervisor: Supervisor) -> None:
    assert own_supervisor.stop("nobody") is None


def test_programs_of_a_higher_stage_end_first() -> None:
    ended: list[str] = []
    with Supervisor() as supervisor:
        for name, stage in (("server", 0), ("worker", 1)):
            program = shell("sleep 600", name=name, stage=stage)
            supervisor.start(program, on_exit=lambda _, name=name: ended.append(name))  # type: ignore[misc]  # the default is the loop's value
    assert ended == ["worker", "server"]


def test_what_a_program_left_behind_ends_with_it(own_supervisor: Supervisor) -> None:
    heard = Heard()
    child = own_supervisor.start(shell("sleep 600 & echo $!"), on_line=heard)
    assert child.wait(10) == 0
    left_behind = int(heard.wait_for(1)[0])
    wait_until(lambda: not is_running(left_behind))


def test_what_moved_away_ends_with_the_supervisor() -> None:
    heard = Heard()
    moves_away = f"{sys.executable} -c '{MOVES_AWAY}'"
    with Supervisor() as supervisor:
        supervisor.start(shell(f"{moves_away} & wait"), on_line=heard)
        daemon = int(heard.wait_for(1)[0])
    wait_until(lambda: not is_running(daemon))


def test_everything_ends_when_the_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ONE_PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not is_running(child))


def test_everything_ends_when_the_supervisor_is_killed() -> None:
    with Supervisor() as supervisor:
        child = supervisor.start(shell("sleep 600"))
        os.kill(supervisor.pid, signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
        wait_until(lambda: not is_running(child.pid))


def test_a_supervisor_that_has_ended_says_so_each_time() -> None:
    supervisor = Supervisor()
    supervisor.close()
    with pytest.raises(EmbeddedServerError, match="The supervisor has ended"):
        supervisor.start(shell("true"))
    with pytest.raises(EmbeddedServerError, match="The supervisor has ended"):
        supervisor.start(shell("true"))


def test_what_is_kept_open_stays_so_until_the_end(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held, (tmp_path / "lock").open("w") as other:
        fcntl.flock(held, fcntl.LOCK_EX)
        with Supervisor(keep_open=[held.fileno()]):
            held.close()
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
