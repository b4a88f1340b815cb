"""The line as a deployment runs it: each part a process of its own, told only by environment and files."""

import json

from tests.acceptance.conftest import JOBS
from tests.project import Project
from tests.waiting import wait_until

BY_HAND = JOBS.replace("    schedule: {every: 1s}\n", "")


def states(project: Project) -> list[str]:
    runs = json.loads(project.call("runs", "list", "-o", "json").stdout)
    return [run["state"] for run in runs]


def test_apply_beat_and_worker_take_a_file_to_a_finished_run(demo: Project) -> None:
    assert demo.run("apply", "--yes").returncode == 0
    demo.start("beat")
    demo.start("worker", "-c", "1")
    wait_until(lambda: "succeeded" in states(demo))
    wait_until(lambda: demo.call("status").returncode == 0)
    for what in ("beat", "worker", "db"):
        assert demo.run("health", what).returncode == 0


def test_a_run_by_hand_is_waited_for_with_its_output_and_result(demo: Project) -> None:
    demo.write("jobs.d/demo.yaml", BY_HAND)
    demo.call("apply", "--yes")
    demo.start("beat")
    demo.start("worker", "-c", "1")
    done = demo.run("run", "demo/greet", "--kwargs", '{"name": "Grace"}', "--wait")
    assert done.returncode == 0, done.stderr
    assert "Hello, Grace!" in done.stdout
    assert 'result  "Grace"' in done.stdout


def test_a_run_by_hand_that_fails_exits_1(demo: Project) -> None:
    demo.write("jobs.d/demo.yaml", BY_HAND.replace("greet", "fail").replace("{name: Ada}", "{}"))
    demo.call("apply", "--yes")
    demo.start("beat")
    demo.start("worker", "-c", "1")
    done = demo.run("run", "demo/fail", "--wait")
    assert done.returncode == 1
    assert "ValueError: out of paper" in done.stdout


def test_a_job_is_tried_here_without_any_server(demo: Project) -> None:
    del demo.environment["JOBRUNNER_DATABASE_URL"]
    del demo.environment["JOBRUNNER_BROKER_URL"]
    done = demo.run("run", "demo/greet", "--local", "--kwargs", '{"name": "Grace"}')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Hello, Grace!\n● succeeded in ")


def test_a_job_that_fails_here_shows_its_traceback(demo: Project) -> None:
    demo.write("jobs.d/demo.yaml", BY_HAND.replace("greet", "fail").replace("{name: Ada}", "{}"))
    done = demo.run("run", "demo/fail", "--local")
    assert done.returncode == 1
    assert "ValueError: out of paper" in done.stderr
    assert "✕ failed" in done.stdout


def test_watch_applies_what_is_saved_and_ends_on_request(demo: Project) -> None:
    watch = demo.start("watch")
    watch.wait_for_line("applied as revision 1")
    demo.write("jobs.d/demo.yaml", JOBS.replace("1s", "2s"))
    watch.wait_for_line("1s -> 2s")
    watch.terminate()
    assert watch.wait() == 0


def test_watch_without_events_polls(demo: Project) -> None:
    watch = demo.start("watch", "--poll")
    watch.wait_for_line("applied as revision 1")
    demo.write("jobs.d/demo.yaml", JOBS.replace("1s", "2s"))
    watch.wait_for_line("applied as revision 2")


def test_a_dry_watch_shows_and_applies_nothing(demo: Project) -> None:
    watch = demo.start("watch", "--dry-run")
    watch.wait_for_line("would change (dry run)")
    watch.interrupt()
    assert watch.wait() == 130
    assert demo.run("list", "-o", "json").stdout == "[]\n"


def test_watch_at_a_database_that_is_down_ends_with_a_sentence(demo: Project) -> None:
    demo.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://u:hidden@127.0.0.1:1/acme"
    done = demo.run("watch")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "hidden" not in done.stdout + done.stderr


def test_watch_that_keeps_going_waits_for_the_database(demo: Project) -> None:
    demo.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://u@127.0.0.1:1/acme"
    watch = demo.start("watch", "--keep-going")
    watch.wait_for_line("it is tried again")
    assert watch.exit_code is None


def test_fault_56_a_swap_of_links_is_one_change(demo: Project) -> None:
    """As Kubernetes replaces a mounted ConfigMap."""
    jobs = demo.path / "jobs.d"
    (jobs / "demo.yaml").unlink()
    for version, interval in (("..one", "1s"), ("..two", "2s")):
        demo.write(f"jobs.d/{version}/demo.yaml", JOBS.replace("1s", interval))
    (jobs / "..data").symlink_to("..one")
    (jobs / "demo.yaml").symlink_to("..data/demo.yaml")
    watch = demo.start("watch")
    watch.wait_for_line("applied as revision 1")
    (jobs / "..data_new").symlink_to("..two")
    (jobs / "..data_new").rename(jobs / "..data")
    watch.wait_for_line("1s -> 2s")


def test_a_reader_that_goes_away_is_no_error(demo: Project) -> None:
    demo.call("apply", "--yes")
    done = demo.start_program("sh", "-c", "jobrunner schema | head -1; echo ended")
    done.wait_for_line("ended")
    assert "Traceback" not in done.output
    assert "Broken" not in done.output
