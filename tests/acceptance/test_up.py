"""Everything in one terminal, looked at only from outside: its output, the other commands, processes."""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.conftest import JOBS
from tests.project import Project
from tests.waiting import wait_until

ENDS_WITHIN_SECONDS = 6.0
UP = ("up", "-c", "1", "--no-web")
"""Without the pages, which most of what is shown here does not need."""
BY_HAND = JOBS.replace("    schedule: {every: 1s}\n", "")
"""Nothing is due, at no full hour either."""


def records(project: Project, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(project.call(*arguments, "-o", "json").stdout)
    return found


def process_id(project: Project, kind: str) -> int:
    """Of the one process that is alive, as `status` tells it, once it does."""
    wait_until(lambda: process_ids(project, kind))
    (pid,) = process_ids(project, kind)
    return pid


def process_ids(project: Project, kind: str) -> list[int]:
    processes = json.loads(project.call("status", "-o", "json").stdout)["processes"]
    return [process["pid"] for process in processes if process["kind"] == kind and process["alive"]]


def runs_of(project: Project, address: str) -> list[dict[str, object]]:
    return records(project, "runs", "list", address, "-n", "1000")


def newest_result(project: Project, address: str) -> object:
    """What the newest succeeded run gave."""
    (run,) = records(project, "runs", "list", address, "--state", "succeeded", "-n", "1")
    shown = json.loads(project.call("runs", "show", str(run["id"]), "-o", "json").stdout)
    return shown["result"]


def is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def test_from_a_file_to_a_finished_run_in_the_stream_and_in_a_second_terminal(
    demo: Project,
) -> None:
    up = demo.start("up", "-c", "1")
    up.wait_for_line("applied as revision 1")
    up.wait_for_line("● demo/greet", timeout_seconds=20.0)
    assert "succeeded" in [run["state"] for run in runs_of(demo, "demo/greet")]


def test_a_saved_change_is_shown_with_its_difference_and_in_force(demo: Project) -> None:
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    demo.write("jobs.d/demo.yaml", JOBS.replace("Ada", "Grace"))
    up.wait_for_line("applied as revision 2")
    up.wait_for_line('kwargs.name  "Ada" -> "Grace"')
    wait_until(lambda: newest_result(demo, "demo/greet") == "Grace")


def test_a_deleted_job_never_fires_again(demo: Project) -> None:
    demo.write("jobs.d/other.yaml", JOBS.replace("greet:", "wave:", 1))
    up = demo.start(*UP)
    up.wait_for_line("● demo/wave")
    (demo.path / "jobs.d" / "other.yaml").unlink()
    up.wait_for_line("- demo/wave")
    up.wait_for_line("● demo/greet", after=len(up.lines))
    ended = [line for line in up.lines if "● demo/wave" in line]
    here = len(up.lines)
    up.wait_for_line("● demo/greet", after=here)
    up.wait_for_line("● demo/greet", after=here + 1)
    assert len([line for line in up.lines if "● demo/wave" in line]) <= len(ended) + 1
    assert not [line for line in up.lines[here:] if "demo/wave" in line]


def test_fault_53_a_broken_file_is_shown_with_a_caret_and_the_last_good_state_goes_on(
    demo: Project,
) -> None:
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    demo.write("jobs.d/demo.yaml", JOBS.replace("every", "evry"))
    up.wait_for_line("--> jobs.d/demo.yaml:7:16")
    up.wait_for_line("^^^^ did you mean 'every'?")
    up.wait_for_line("● demo/greet", after=len(up.lines))
    assert "is invalid, the last good stays" in demo.run("status").stdout
    demo.write("jobs.d/demo.yaml", JOBS)
    up.wait_for_line("in force: 1 job, revision 1", after=len(up.lines))


def test_a_file_that_is_broken_at_the_start_stops_nothing_and_its_mending_heals(
    demo: Project,
) -> None:
    demo.write("jobs.d/demo.yaml", JOBS.replace("every", "evry"))
    up = demo.start(*UP)
    up.wait_for_line("did you mean 'every'?")
    up.wait_for_line("● worker")
    demo.write("jobs.d/demo.yaml", JOBS)
    up.wait_for_line("applied as revision 1")
    up.wait_for_line("● demo/greet")


def test_fault_55_a_folder_that_vanishes_deletes_nothing(demo: Project) -> None:
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    (demo.path / "jobs.d").rename(demo.path / "elsewhere")
    up.wait_for_line("this waits for a person")
    up.wait_for_line("● demo/greet", after=len(up.lines))
    (demo.path / "elsewhere").rename(demo.path / "jobs.d")
    up.wait_for_line("in force: 1 job, revision 1", after=len(up.lines))


def test_a_failure_is_shown_with_its_error_and_a_retry_with_its_wait(demo: Project) -> None:
    demo.write(
        "jobs.d/demo.yaml",
        JOBS.replace("work.greet", "work.fail").replace("    kwargs: {name: Ada}\n", "")
        + "    retry: {max_retries: 1, delay: 1s, jitter: false}\n",
    )
    up = demo.start(*UP)
    up.wait_for_line("attempt 1 failed: ValueError: out of paper   again")
    up.wait_for_line("failed after")


def test_a_new_queue_is_served_without_a_restart(demo: Project) -> None:
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    demo.write("jobs.d/demo.yaml", JOBS + "    queue: urgent\n")
    up.wait_for_line("applied as revision 2")
    wait_until(lambda: any(r["queue"] == "urgent" and r["state"] == "succeeded"
                           for r in runs_of(demo, "demo/greet")))  # fmt: skip
    assert "no worker takes from" not in up.output


def test_with_reload_a_saved_module_is_in_force_also_on_a_queue_that_has_come_later(
    demo: Project,
) -> None:
    up = demo.start(*UP, "--reload")
    up.wait_for_line("● demo/greet")
    demo.write("jobs.d/demo.yaml", JOBS + "    queue: urgent\n")
    up.wait_for_line("applied as revision 2")
    up.wait_for_line("● demo/greet", after=len(up.lines))
    demo.write("work.py", "def greet(name):\n    return f'reloaded for {name}'\n")
    up.wait_for_line("work.py changed; it starts anew")
    wait_until(lambda: newest_result(demo, "demo/greet") == "reloaded for Ada")
    assert [line for line in up.lines if "again in" in line] == []


def test_what_the_worker_reads_only_at_its_start_is_told_and_for_another_allow_it_starts_anew(
    demo: Project,
) -> None:
    demo.write("jobrunner.yaml", "allow: {tasks: [work.greet]}\n")
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    up.wait_for_line("● demo/greet", after=len(up.lines))
    demo.write(
        "work.py", "def greet(name):\n    return name\n\n\ndef wave():\n    return 'waved'\n"
    )
    up.wait_for_line("work.py changed; without --reload it keeps what it has imported")
    demo.write("jobrunner.yaml", "allow: {tasks: [work.*]}\n")
    demo.write("jobs.d/wave.yaml", "jobs: {wave: {task: work.wave, schedule: {every: 1s}}}\n")
    up.wait_for_line("● worker                  the project file has another `allow` or `celery`")
    up.wait_for_line("● default/wave")


def test_a_worker_that_dies_is_shown_and_started_again(demo: Project) -> None:
    up = demo.start(*UP)
    up.wait_for_line("● demo/greet")
    os.kill(process_id(demo, "worker"), 9)
    up.wait_for_line("ended by SIGKILL; again in 0.5 s; its log is .jobrunner/logs/worker.log")
    up.wait_for_line("started again")
    up.wait_for_line("● demo/greet", after=len(up.lines))


def test_ctrl_c_ends_it_all_in_time_and_leaves_no_process(demo: Project) -> None:
    up = demo.start("up", "-c", "1")
    up.wait_for_line("● demo/greet")
    children = [process_id(demo, kind) for kind in ("beat", "worker")]
    up.interrupt()
    assert up.wait(timeout_seconds=ENDS_WITHIN_SECONDS) == 130
    assert [pid for pid in children if not is_gone(pid)] == []


def test_fault_35_ctrl_c_in_the_middle_of_a_long_run_ends_its_attempt(demo: Project) -> None:
    slow = BY_HAND.replace("greet", "slow").replace("name: Ada", "seconds: 60")
    demo.write("jobs.d/demo.yaml", slow)
    up = demo.start(*UP)
    up.wait_for_line("● worker")
    demo.call("run", "demo/slow")
    wait_until((demo.path / "slow.txt").exists)
    up.interrupt()
    assert up.wait(timeout_seconds=ENDS_WITHIN_SECONDS) == 130
    (run,) = runs_of(demo, "demo/slow")
    assert run["state"] == "lost"
    assert "grace time" in str(run["error"])


def test_a_second_ctrl_c_waits_for_nobody(demo: Project) -> None:
    demo.write(
        "jobs.d/demo.yaml",
        JOBS.replace("work.greet", "work.slow").replace("name: Ada", "seconds: 60"),
    )
    up = demo.start(*UP)
    wait_until((demo.path / "slow.txt").exists)
    up.interrupt()
    up.wait_for_line("Ending")
    up.interrupt()
    assert up.wait(timeout_seconds=ENDS_WITHIN_SECONDS) == 130


@pytest.fixture
def private(demo: Project) -> Project:
    """No server is given: `up` starts its own."""
    del demo.environment["JOBRUNNER_DATABASE_URL"]
    del demo.environment["JOBRUNNER_BROKER_URL"]
    return demo


def test_with_servers_of_its_own_a_second_terminal_finds_them_and_the_data_stays(
    private: Project,
) -> None:
    up = private.start("up", "-c", "1")
    up.wait_for_line("● demo/greet", timeout_seconds=30.0)
    first = runs_of(private, "demo/greet")[-1]["id"]
    second_up = private.run("up")
    assert second_up.returncode == 1
    assert "already runs here" in second_up.stderr
    assert second_up.stdout == ""
    up.interrupt()
    assert up.wait(timeout_seconds=ENDS_WITHIN_SECONDS) == 130
    assert not (private.path / ".jobrunner" / "endpoints.json").exists()
    assert private.run("runs", "list").returncode == 64
    again = private.start("up", "-c", "1")
    again.wait_for_line("in force: 1 job, revision 1", timeout_seconds=30.0)
    assert first in [run["id"] for run in runs_of(private, "demo/greet")]


def test_init_then_up_runs_the_first_job(project: Project) -> None:
    assert project.run("init").returncode == 0
    up = project.start("up", "-c", "1")
    up.wait_for_line("● demo/hello", timeout_seconds=30.0)
    (run,) = records(project, "runs", "list", "demo/hello", "-n", "1")
    logs = project.run("runs", "logs", str(run["id"]))
    assert logs.stdout == "Hello, world!\n"


def test_a_kill_of_it_all_leaves_no_process(demo: Project) -> None:
    up = demo.start("up", "-c", "1")
    up.wait_for_line("● demo/greet")
    children = [process_id(demo, kind) for kind in ("beat", "worker")]
    up.kill()
    wait_until(lambda: all(is_gone(pid) for pid in children))


def test_up_ends_in_a_sentence_when_its_supervisor_is_killed(private: Project) -> None:
    up = private.start(*UP)
    up.wait_for_line("● worker")
    (supervisor,) = (
        int(pid) for pid in Path(f"/proc/{up.pid}/task/{up.pid}/children").read_text().split()
    )
    os.kill(supervisor, signal.SIGKILL)
    assert up.wait(timeout_seconds=ENDS_WITHIN_SECONDS) == 1
    assert "Start `jobrunner up` again" in up.output


def test_fault_2_connections_that_are_cut_come_back_and_nothing_is_lost(private: Project) -> None:
    up = private.start(*UP)
    up.wait_for_line("● demo/greet", timeout_seconds=30.0)
    cut = private.start_program(sys.executable, "-c", CUT_ALL_CONNECTIONS, endpoint(private))
    assert cut.wait() == 0
    up.wait_for_line("● demo/greet", after=len(up.lines))
    demo_runs = runs_of(private, "demo/greet")
    assert {run["state"] for run in demo_runs} <= {"succeeded", "queued", "running", "skipped"}


CUT_ALL_CONNECTIONS = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
connection.cursor().execute(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
"""


def endpoint(project: Project) -> str:
    file = project.path / ".jobrunner" / "endpoints.json"
    return str(json.loads(file.read_text(encoding="utf-8"))["database_url"])


HANGS_AT_FIRST = """
import time
from pathlib import Path


def slow() -> None:
    if not Path("slow.txt").exists():
        Path("slow.txt").touch()
        time.sleep(600)
"""


def test_fault_33_a_run_whose_worker_is_killed_is_done_again(demo: Project) -> None:
    slow = BY_HAND.replace("greet", "slow").replace("{name: Ada}", "{}")
    demo.write("work.py", HANGS_AT_FIRST)
    demo.write("jobs.d/demo.yaml", slow + "    retry: {max_retries: 1, delay: 1s}\n")
    up = demo.start(*UP)
    up.wait_for_line("● worker")
    worker = process_id(demo, "worker")
    demo.call("run", "demo/slow")
    wait_until((demo.path / "slow.txt").exists)
    os.kill(worker, signal.SIGKILL)
    up.wait_for_line("attempt 1 failed: the worker died", timeout_seconds=30.0)
    up.wait_for_line("● demo/slow")
    (run,) = runs_of(demo, "demo/slow")
    assert (run["state"], run["attempt"]) == ("succeeded", 2)
