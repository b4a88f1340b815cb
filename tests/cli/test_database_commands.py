"""The commands that read and steer what the database holds."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.processes import sign_in
from jobrunner.db.run_logs import write_pieces
from tests.cli.calling import call
from tests.cli.conftest import Jobrunner


@pytest.fixture
def applied(jobrunner: Jobrunner) -> Jobrunner:
    """The project's two jobs are in force."""
    assert jobrunner("apply", "--yes").exit_code == 0
    return jobrunner


def records(jobrunner: Jobrunner, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(jobrunner(*arguments, "-o", "json").stdout)
    return found


def triggered(jobrunner: Jobrunner) -> str:
    """The id of a new run by hand, queued."""
    jobrunner("run", "ops/greet")
    return str(records(jobrunner, "runs", "list")[0]["id"])


def end_run(engine: Engine, run_id: str, state: str) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.runs SET state = :state, finished_at = now(),"
                " started_at = now() - interval '42 ms', attempt = 1, error = 'ValueError: no'"
                " WHERE id = :id"
            ),
            {"state": state, "id": run_id},
        )


def test_list_shows_every_job_in_force(applied: Jobrunner) -> None:
    called = applied("list")
    assert called.exit_code == 0
    assert [line.split()[0] for line in called.stdout.splitlines()] == [
        "job",
        "ops/greet",
        "ops/report",
    ]
    assert "by hand" in called.stdout


@pytest.mark.parametrize(
    ("option", "found"),
    [
        (["--tag", "daily"], ["ops/report"]),
        (["--queue", "low"], ["ops/greet"]),
        (["--owner", "data"], ["ops/report"]),
        (["--namespace", "ops"], ["ops/greet", "ops/report"]),
        (["--namespace", "other"], []),
    ],
)
def test_list_filters(applied: Jobrunner, option: list[str], found: list[str]) -> None:
    assert [job["address"] for job in records(applied, "list", *option)] == found


def test_an_empty_database_says_what_to_do(jobrunner: Jobrunner) -> None:
    called = jobrunner("list")
    assert (called.exit_code, called.stdout) == (0, "")
    assert "jobrunner init" in called.stderr


def test_get_shows_definition_schedule_and_runs(applied: Jobrunner) -> None:
    told = applied("get", "ops/report").stdout
    assert "app.tasks.report(region='eu')" in told
    assert "at 05:30" in told
    assert "none yet" in told


RICH = """\
namespace: ops
jobs:
  report:
    task: app.tasks.report
    kwargs: {region: eu}
    max_concurrency: 2
    schedules:
      day: {cron: "30 5 * * *", max_runs: 9, kwargs: {region: us}, queue: high, priority: 0}
      sun: {solar: {event: sunset, latitude: 52.5, longitude: 13.4}}
"""


def test_get_shows_what_a_schedule_gives_in_place_of_its_job(
    jobrunner: Jobrunner, folder: Path
) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text(RICH, encoding="utf-8")
    assert jobrunner("apply", "--yes").exit_code == 0
    told = jobrunner("get", "ops/report").stdout
    assert "skip, at most 2 runs at once" in told
    assert "    with arguments (region='us'), queue high, priority 0\n" in told
    assert "  0 of 9 runs\n" in told
    assert "  #sun  at sunset at 52.5°N 13.4°E\n    next " in told


TOLD = """\
namespace: ops
jobs:
  report:
    task: app.tasks.report
    kwargs: {region: eu}
    protect: true
    links: {Runbook: https://wiki.example.com/report, Board: https://board.example.com}
    alerts:
      - {when: [failure, missed], to: oncall}
      - {when: late, after: 15m, to: [oncall, team]}
"""
NOTIFIERS = """\
notifiers:
  oncall: {url: {secret: "env:ONCALL_URL"}}
  team: {url: {secret: "env:TEAM_URL"}}
"""


def test_get_shows_who_is_told_where_to_read_on_and_what_protects_it(
    jobrunner: Jobrunner, folder: Path
) -> None:
    (folder / "jobrunner.yaml").write_text(NOTIFIERS, encoding="utf-8")
    (folder / "jobs.d" / "ops.yaml").write_text(TOLD, encoding="utf-8")
    assert jobrunner("apply", "--yes").exit_code == 0
    told = jobrunner("get", "ops/report").stdout
    assert (
        "  alerts    failure, missed → oncall\n            late after 15m → oncall, team\n" in told
    )
    assert "  links     Board  https://board.example.com\n            Runbook  https://" in told
    assert "  protect   no apply deletes it\n" in told


def test_a_job_that_has_moved_keeps_its_runs(applied: Jobrunner, folder: Path) -> None:
    run_id = triggered(applied)
    file = folder / "jobs.d" / "ops.yaml"
    renamed = file.read_text("utf-8").replace("greet:\n", "say-hello:\n")
    file.write_text(f"{renamed}moved: [{{from: ops/greet, to: ops/say-hello}}]\n", encoding="utf-8")
    assert "1 to move" in applied("plan").stdout
    assert applied("apply", "--yes").exit_code == 0
    runs = records(applied, "runs", "list", "--job", "ops/say-hello")
    assert [run["id"] for run in runs] == [run_id]
    assert "No changes." in applied("plan").stdout


def test_an_unknown_job_exits_1(applied: Jobrunner) -> None:
    called = applied("get", "ops/nothing")
    assert called.exit_code == 1
    assert "There is no job ops/nothing." in called.stderr


@pytest.mark.parametrize("written", ["report", "ops/reprot"])
def test_get_names_the_job_that_was_probably_meant(applied: Jobrunner, written: str) -> None:
    assert "Did you mean ops/report?" in applied("get", written).stderr


def test_run_of_a_job_that_is_not_in_force_says_that_it_may_be_in_the_files(
    applied: Jobrunner,
) -> None:
    called = applied("run", "ops/nothing")
    assert called.exit_code == 1
    assert "There is no job ops/nothing in force." in called.stderr
    assert "`jobrunner plan` shows what only the files have." in " ".join(called.stderr.split())


def test_run_of_an_unknown_job_names_the_one_that_was_meant(applied: Jobrunner) -> None:
    assert "Did you mean ops/report?" in applied("run", "ops/reprot").stderr


def test_run_warns_of_a_queue_that_no_worker_takes_from(applied: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "beat")
        sign_in(connection, "worker", details={"queues": ["default"]})
    told = (
        "warning: No worker takes from the queue low; the run waits until one does.\n"
        "  → Start one: jobrunner worker -Q low\n"
    )
    assert told in applied("run", "ops/greet").stderr
    assert "warning" not in applied("run", "ops/report").stderr


def test_run_of_a_celery_task_misses_no_worker_of_ours_but_the_app(
    jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    job = "jobs: {theirs: {celery_task: shop.add, overlap: allow}}\n"
    (folder / "jobs.d" / "shop.yaml").write_text(job, encoding="utf-8")
    assert jobrunner("apply", "--yes").exit_code == 0
    with transaction(engine) as connection:
        sign_in(connection, "beat", details={"cannot_send": ["The app shop.app is away."]})
    (_, warned, *_) = jobrunner("run", "default/theirs").stderr.splitlines()
    assert warned == "warning: The app shop.app is away."


def test_run_queues_a_run_and_warns_when_nobody_works(applied: Jobrunner) -> None:
    called = applied("run", "ops/greet", "--kwargs", '{"name": "Ada"}')
    assert called.exit_code == 0
    assert "is queued" in called.stdout
    assert "No worker is at work" in called.stderr
    (run,) = records(applied, "runs", "list", "ops/greet")
    shown = json.loads(applied("runs", "show", str(run["id"])[:8], "-o", "json").stdout)
    assert (shown["state"], shown["trigger"]) == ("queued", "manual")
    assert shown["kwargs"] == {"name": "Ada"}


@pytest.mark.parametrize("given", ["{", "[1]", "1"])
def test_kwargs_that_are_no_json_object_are_wrong_usage(applied: Jobrunner, given: str) -> None:
    assert applied("run", "ops/greet", "--kwargs", given).exit_code == 64


def test_overlap_is_obeyed_and_force_starts_anyway(applied: Jobrunner) -> None:
    applied("run", "ops/greet")
    skipped = applied("run", "ops/greet")
    assert skipped.exit_code == 1
    assert "overlap: skip" in skipped.stdout
    assert applied("run", "ops/greet", "--force").exit_code == 0


def test_the_same_request_is_the_same_run(applied: Jobrunner) -> None:
    applied("run", "ops/greet", "--request-id", "one")
    again = applied("run", "ops/greet", "--request-id", "one")
    assert "the same request made it earlier" in again.stdout
    assert len(records(applied, "runs", "list")) == 1


def test_an_empty_request_key_is_a_variable_that_was_not_set(applied: Jobrunner) -> None:
    called = applied("run", "ops/greet", "--request-id", "")
    assert called.exit_code == 64
    assert "--request-id is empty." in called.stderr
    assert records(applied, "runs", "list") == []


def test_runs_are_of_a_job_or_of_one_of_its_schedules(applied: Jobrunner) -> None:
    assert applied("run", "ops/report", "--force").exit_code == 0
    span = ("--from", "2026-05-01", "--to", "2026-05-02")
    assert applied("backfill", "ops/report", *span, "--yes").exit_code == 0
    assert len(records(applied, "runs", "list", "ops/report")) == 2
    (run,) = records(applied, "runs", "list", "ops/report#default")
    assert run["trigger"] == "backfill"
    assert records(applied, "runs", "list", "ops/report#nothing") == []


def test_runs_of_a_job_that_never_was_are_a_slip(applied: Jobrunner) -> None:
    called = applied("runs", "list", "ops/nothing")
    assert called.exit_code == 1
    assert "There is and was no job ops/nothing." in called.stderr
    assert applied("runs", "list", "ops/greet").exit_code == 0


def test_one_missed_time_is_no_plural(applied: Jobrunner, engine: Engine) -> None:
    run_id = triggered(applied)
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.runs SET state = 'missed', finished_at = now(),"
                " missed_count = 1, error = 'paused'"
            )
        )
    shown = applied("runs", "list").stdout
    assert run_id[:8] in shown
    assert "1 time: paused" in shown


def test_runs_are_filtered_by_state_and_age(applied: Jobrunner, engine: Engine) -> None:
    end_run(engine, triggered(applied), "failed")
    triggered(applied)
    assert len(records(applied, "runs", "list")) == 2
    assert len(records(applied, "runs", "list", "--state", "failed")) == 1
    assert len(records(applied, "runs", "list", "--since", "1h")) == 2
    assert len(records(applied, "runs", "list", "-n", "1")) == 1
    assert applied("runs", "list", "--since", "1").exit_code == 64


def test_a_failed_run_shows_its_error(applied: Jobrunner, engine: Engine) -> None:
    run_id = triggered(applied)
    end_run(engine, run_id, "failed")
    assert "ValueError: no" in applied("runs", "list").stdout
    assert "ValueError: no" in applied("runs", "show", run_id).stdout


@pytest.mark.parametrize(
    ("given", "told"),
    [("nonsense", "is no run id"), ("00000000", "There is no run 00000000.")],
)
def test_a_run_that_is_not_there_exits_1(applied: Jobrunner, given: str, told: str) -> None:
    for command in ("show", "logs", "cancel", "retry"):
        called = applied("runs", command, given)
        assert called.exit_code == 1
        assert told in called.stderr


def test_a_prefix_of_several_runs_asks_for_more(applied: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        for end in ("0", "1"):
            connection.execute(
                text(
                    "INSERT INTO jobrunner.runs (id, job_id, definition_id, trigger, scheduled_for,"
                    " state, queue, available_at) SELECT :id, id, definition_id, 'manual', now(),"
                    " 'queued', queue, now() FROM jobrunner.jobs WHERE name = 'greet'"
                ),
                {"id": uuid.UUID(f"abcdef00-0000-4000-8000-00000000000{end}")},
            )
    assert "Give more of the id." in applied("runs", "show", "abcdef").stderr


def test_a_queued_run_is_cancelled_at_once(applied: Jobrunner) -> None:
    run_id = triggered(applied)
    assert applied("runs", "cancel", run_id[:8]).exit_code == 0
    (run,) = records(applied, "runs", "list")
    assert run["state"] == "cancelled"
    again = applied("runs", "cancel", run_id)
    assert again.exit_code == 1
    assert "is over (cancelled)" in again.stderr


def test_a_running_run_is_told_to_end(applied: Jobrunner, engine: Engine) -> None:
    run_id = triggered(applied)
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.runs SET state = 'running', started_at = now(),"
                " lease_until = now() + interval '20 s'"
            )
        )
    assert "was told to end" in applied("runs", "cancel", run_id).stdout
    (run,) = records(applied, "runs", "list")
    assert (run["state"], run["cancel_requested_at"] is None) == ("running", False)


def test_retry_makes_a_new_run_with_the_same_arguments(applied: Jobrunner, engine: Engine) -> None:
    applied("run", "ops/greet", "--kwargs", '{"name": "Ada"}')
    (first,) = records(applied, "runs", "list")
    assert applied("runs", "retry", str(first["id"])).exit_code == 1  # not over yet
    end_run(engine, str(first["id"]), "failed")
    assert applied("runs", "retry", str(first["id"])).exit_code == 0
    (second,) = records(applied, "runs", "list", "--state", "queued")
    shown = json.loads(applied("runs", "show", str(second["id"]), "-o", "json").stdout)
    assert shown["kwargs"] == {"name": "Ada"}


def test_logs_are_printed_as_they_are(applied: Jobrunner, engine: Engine) -> None:
    run_id = triggered(applied)
    with transaction(engine) as connection:
        write_pieces(connection, uuid.UUID(run_id), 1, [(0, "one\n"), (1, "two\n")])
    assert applied("runs", "logs", run_id).stdout == "one\ntwo\n"


def test_following_logs_ends_with_the_run(applied: Jobrunner, engine: Engine) -> None:
    run_id = triggered(applied)
    end_run(engine, run_id, "succeeded")
    called = applied("runs", "logs", "-f", run_id)
    assert called.exit_code == 0
    assert "Nothing was written" in called.stderr


def test_pause_holds_back_and_resume_ends_it(applied: Jobrunner) -> None:
    called = applied("pause", "ops/report", "--reason", "disk swap", "--until", "2h")
    assert called.exit_code == 0
    (job,) = records(applied, "list", "--tag", "daily")
    assert job["paused"] is True
    assert "paused" in applied("list").stdout
    assert "disk swap" in applied("status").stdout
    assert applied("resume", "ops/report").exit_code == 0
    (job,) = records(applied, "list", "--tag", "daily")
    assert job["paused"] is False


@pytest.mark.parametrize(
    "target", [["--tag", "daily"], ["--queue", "default"], ["--namespace", "ops"]]
)
def test_a_pause_of_many_holds_back_each(applied: Jobrunner, target: list[str]) -> None:
    assert applied("pause", *target).exit_code == 0
    (job,) = records(applied, "list", "--tag", "daily")
    assert job["paused"] is True


def test_a_pause_that_has_run_out_holds_nothing_back(applied: Jobrunner, engine: Engine) -> None:
    applied("pause", "ops/report", "--until", "2h")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobrunner.pauses SET until = now() - interval '1 s'"))
    (job,) = records(applied, "list", "--tag", "daily")
    assert job["paused"] is False
    assert applied("resume", "ops/report").exit_code == 1
    assert applied("pause", "ops/report").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        ([], 64),
        (["ops/report", "--tag", "daily"], 64),
        (["ops/nothing"], 1),
        (["--queue", "nothing"], 1),
        (["ops/report", "--until", "soon"], 64),
        (["ops/report", "--until", "2020-01-01T00:00:00Z"], 64),
        (["ops/report", "--until", "2099-01-01T00:00:00"], 64),
    ],
)
def test_what_cannot_be_paused_is_said_so(
    applied: Jobrunner, arguments: list[str], exit_code: int
) -> None:
    assert applied("pause", *arguments).exit_code == exit_code


def test_who_paused_and_resumed_is_kept(applied: Jobrunner, engine: Engine) -> None:
    applied("pause", "ops/report")
    applied("resume", "ops/report")
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT action, target FROM jobrunner.audit ORDER BY id"))
        assert rows.all() == [("pause", "job:ops/report"), ("resume", "job:ops/report")]


def test_status_is_wrong_without_beat_and_worker(applied: Jobrunner) -> None:
    called = applied("status")
    assert called.exit_code == 1
    assert "start one with `jobrunner beat`" in called.stdout


def test_status_is_well_with_both(applied: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "beat")
        sign_in(connection, "worker", details={"queues": ["default", "low"], "concurrency": 2})
    called = applied("status")
    assert called.exit_code == 0
    assert "✕" not in called.stdout
    told = json.loads(applied("status", "-o", "json").stdout)
    assert (told["healthy"], told["jobs"], told["broker_error"]) == (True, 2, "")


MISTAKE = {
    "code": "E201",
    "file": "jobs.d/ops.yaml",
    "line": 3,
    "column": 5,
    "message": "unknown key 'qeue' in a job",
    "help": "did you mean 'queue'?",
}


def test_status_tells_what_is_late_and_what_the_watcher_waits_for(
    applied: Jobrunner, engine: Engine
) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "watch", details={"config": "invalid", "mistakes": [MISTAKE, MISTAKE]})
        connection.execute(
            text("UPDATE jobrunner.schedules SET next_run_at = now() - interval '1 minute'")
        )
    told = applied("status").stdout
    assert "the oldest due for 1m 0" in told
    assert (
        "is invalid, the last good stays: jobs.d/ops.yaml:3:5 unknown key 'qeue' in a job "
        "(did you mean 'queue'?), and 1 more"
    ) in " ".join(told.split())


def test_status_tells_what_else_stops_the_watcher(applied: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "watch", details={"config": "invalid", "message": "No key is set."})
    assert "is invalid, the last good stays: No key is set." in applied("status").stdout


def test_health_of_the_database(jobrunner: Jobrunner) -> None:
    assert jobrunner("health", "db").exit_code == 0


@pytest.mark.parametrize("kind", ["beat", "worker", "watch", "web"])
def test_health_is_a_sign_of_life(jobrunner: Jobrunner, engine: Engine, kind: str) -> None:
    assert jobrunner("health", kind).exit_code == 1
    with transaction(engine) as connection:
        sign_in(connection, kind)
    assert jobrunner("health", kind).exit_code == 0
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE jobrunner.processes SET last_seen_at = now() - interval '1 minute'")
        )
    assert jobrunner("health", kind).exit_code == 1


def test_beat_is_not_well_while_a_schedule_is_long_due(applied: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "beat")
        connection.execute(
            text("UPDATE jobrunner.schedules SET next_run_at = now() - interval '1 minute'")
        )
    called = applied("health", "beat")
    assert called.exit_code == 1
    assert "has been due for 1m 0" in called.stdout


def test_the_schema_commands(jobrunner: Jobrunner) -> None:
    assert jobrunner("db", "current").stdout.strip()
    assert jobrunner("db", "check").exit_code == 0
    assert "Nothing to do" in jobrunner("db", "upgrade").stdout


def test_a_database_without_tables_says_what_to_type(jobrunner: Jobrunner, engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("DROP SCHEMA jobrunner CASCADE"))
    called = jobrunner("list")
    assert called.exit_code == 1
    assert "jobrunner db upgrade" in called.stderr
    assert jobrunner("db", "current").stdout == "none\n"
    assert jobrunner("db", "upgrade").exit_code == 0
    assert jobrunner("list").exit_code == 0


def test_fault_1_a_database_that_is_down_is_named_without_its_password() -> None:
    url = "postgresql://someone:hidden@127.0.0.1:1/acme"
    called = call("list", environ={"JOBRUNNER_DATABASE_URL": url})
    assert called.exit_code == 1
    assert "127.0.0.1:1" in called.stderr
    assert "acme" in called.stderr
    assert "hidden" not in called.stderr


def test_no_database_at_all_says_what_to_set() -> None:
    called = call("list")
    assert called.exit_code == 64
    assert "JOBRUNNER_DATABASE_URL" in called.stderr


@pytest.mark.parametrize("name", ["beat", "worker"])
def test_a_process_without_servers_says_what_to_set(name: str) -> None:
    called = call(name)
    assert called.exit_code == 64
    assert "JOBRUNNER_DATABASE_URL" in called.stderr


def test_status_with_the_broker_down_says_so(applied: Jobrunner, database_url: str) -> None:
    del applied
    environ = {
        "JOBRUNNER_DATABASE_URL": database_url,
        "JOBRUNNER_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    called = call("status", environ=environ)
    assert called.exit_code == 1
    assert "✕ The broker at 127.0.0.1:1 does not answer" in called.stdout


def test_the_newest_runs_of_a_job_are_asked_for_in_two_ways(applied: Jobrunner) -> None:
    for _ in range(3):
        applied("run", "ops/greet", "--force")
    by_argument = records(applied, "runs", "list", "ops/greet", "-n", "2")
    assert by_argument == records(applied, "runs", "list", "--job", "ops/greet", "--limit", "2")
    assert len(by_argument) == 2
    assert applied("runs", "list", "ops/greet", "--job", "ops/greet").exit_code == 64


def test_plan_takes_o_for_format(applied: Jobrunner) -> None:
    assert "format_version" in applied("plan", "-o", "json").stdout


def test_doctor_finds_nothing_amiss(applied: Jobrunner) -> None:
    called = applied("doctor")
    assert called.exit_code == 0
    assert "its tables fit this version" in called.stdout


def test_doctor_says_what_to_type() -> None:
    environ = {
        "JOBRUNNER_DATABASE_URL": "postgresql://u@127.0.0.1:1/x",
        "JOBRUNNER_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    called = call("doctor", environ=environ)
    assert called.exit_code == 1
    assert "✕ database" in called.stdout
    assert "✕ broker" in called.stdout


def test_a_time_in_a_record_is_aware_and_utc(applied: Jobrunner) -> None:
    (job,) = records(applied, "list", "--tag", "daily")
    moment = datetime.fromisoformat(str(job["next_run_at"]))
    assert moment.utcoffset() == timedelta(0)
    assert moment > datetime.now(UTC)
