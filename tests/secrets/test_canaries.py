"""Secrets go through everything there is, and nothing that is kept or shown holds one."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from sqlalchemy import Engine, text

from tests.project import Project
from tests.secrets.conftest import ADDRESS, CANARIES, NOTIFIER, project_file, whole_database
from tests.waiting import wait_until


def spellings(canary: str) -> set[str]:
    """How a canary may be told; of Base64 the middle, which does not depend on its neighbours."""
    coded = base64.b64encode(b"user:" + canary.encode()).decode()
    return {canary, quote(canary), json.dumps(canary)[1:-1], repr(canary)[1:-1], coded[8:-4]}


def canaries_in(told: str) -> set[str]:
    return {name for name, one in CANARIES.items() if any(s in told for s in spellings(one))}


READERS: dict[bytes, Callable[[Any, bytes], object]] = {
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"hash": lambda client, key: client.hgetall(key),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
    b"string": lambda client, key: client.get(key),
}


def whole_broker(url: str) -> str:
    """Every key with its value."""
    client: Any = redis.Redis.from_url(
        url.replace("redis+socket:", "unix:").replace("virtual_host=", "db=")
    )
    return repr([(key, READERS[client.type(key)](client, key)) for key in client.scan_iter()])


def command_lines() -> str:
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]
    return b"\n".join(lines).decode("utf-8", "replace")


def states(project: Project) -> list[str]:
    return [run["state"] for run in json.loads(project.run("runs", "list", "-o", "json").stdout)]


def trigger(project: Project, kwargs: dict[str, object]) -> None:
    given = json.dumps(kwargs)
    done = project.run("run", "demo/tell", "--kwargs", given, "--request-id", given[-9:])
    assert done.returncode == 0, done.stderr


OF_A_PLAN = (
    ("plan",),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--offline", "--format", "json"),
    ("plan", "--out", "saved.jrplan"),
    ("show", "saved.jrplan"),
    ("show", "saved.jrplan", "--format", "json"),
)
COMMANDS = (
    *OF_A_PLAN,
    ("validate",),
    ("validate", "--format", "json"),
    ("validate", "--format", "github"),
    ("explain", "demo/tell"),
    ("explain", "demo/tell", "--origin"),
    ("explain", "demo/tell", "--origin", "-o", "json"),
    ("render",),
    ("render", "--all", "-o", "json"),
    ("history",),
    ("history", "demo/tell"),
    ("history", "1"),
    ("history", "-o", "json"),
    ("drift",),
    ("rollback", "1"),
    ("get", "demo/tell"),
    ("get", "demo/tell", "-o", "json"),
    ("list", "-o", "json"),
    ("runs", "list"),
    ("runs", "list", "-o", "json"),
    ("fsck",),
    ("doctor",),
)


def all_told(project: Project) -> str:
    runs = json.loads(project.run("runs", "list", "-o", "json").stdout)
    of_runs = [
        (*command, run["id"], *form)
        for run in runs
        for command, form in (
            (("runs", "show"), ()),
            (("runs", "show"), ("-o", "json")),
            (("runs", "logs"), ()),
        )
    ]
    answers = [project.run(*arguments) for arguments in (*COMMANDS, *of_runs)]
    return "\n".join(answer.stdout + answer.stderr for answer in answers)


def test_fault_85_no_secret_is_kept_or_shown(
    demo: Project, engine: Engine, broker_url: str
) -> None:
    planned = demo.call("plan")
    applied = demo.call("apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    beat = demo.start("beat")
    trigger(demo, {})
    trigger(demo, {"fail": True})
    trigger(demo, {"password": CANARIES["trigger"]})
    wait_until(lambda: whole_broker(broker_url).count("jobrunner.execute") == 3, timeout_seconds=60)
    sent = whole_broker(broker_url)
    worker = demo.start("worker", "-c", "1")
    wait_until(
        lambda: sorted(states(demo)) == ["failed", "succeeded", "succeeded"], timeout_seconds=60
    )
    shown = all_told(demo)
    assert shown.count("***") > 50
    assert "(sensitive)" in shown
    assert "(secret env:CANARY_ENV)" in planned.stdout + shown
    assert canaries_in(planned.stdout + planned.stderr + applied.stdout + applied.stderr) == set()
    assert canaries_in(shown) == set()
    assert canaries_in((demo.path / "saved.jrplan").read_text("utf-8")) == set()
    assert canaries_in(whole_database(engine)) == set()
    assert canaries_in(sent + whole_broker(broker_url)) == set()
    assert canaries_in(worker.output + beat.output) == set()
    assert canaries_in(command_lines()) == set()
    assert "https://hooks.example/…" in planned.stdout
    assert NOTIFIER not in planned.stdout + applied.stdout + shown + beat.output + worker.output
    assert whole_database(engine).count(NOTIFIER) == ADDRESS.count(NOTIFIER)


OF_A_CHANGED_NOTIFIER = (
    *OF_A_PLAN,
    ("apply", "saved.jrplan", "--yes"),
    ("history", "2"),
    ("history", "2", "-o", "json"),
    ("rollback", "1"),
    ("alerts", "list"),
)


def test_fault_85_no_form_of_a_change_of_a_notifier_shows_its_address(
    demo: Project, engine: Engine
) -> None:
    demo.call("apply", "--yes")
    demo.write("jobrunner.yaml", project_file(f"tgram://{NOTIFIER}/chat"))
    answers = [demo.call(*arguments) for arguments in OF_A_CHANGED_NOTIFIER]
    told = "".join(answer.stdout + answer.stderr for answer in answers)
    assert "Applied as revision 2" in told
    assert told.count("tgram://…") >= len(OF_A_CHANGED_NOTIFIER) // 2
    assert NOTIFIER not in told
    assert whole_database(engine).count(NOTIFIER) == 1
    by_hand = text("UPDATE jobrunner.notifiers SET url = to_jsonb(CAST(:url AS text))")
    with engine.begin() as connection:
        connection.execute(by_hand, {"url": f"https://{NOTIFIER}@hooks.example/in"})
    drift = demo.call("drift")
    assert "https://hooks.example/…" in drift.stdout
    assert NOTIFIER not in drift.stdout + demo.call("drift", "-o", "json").stdout


def test_a_plan_is_empty_after_an_apply(demo: Project) -> None:
    demo.call("apply", "--yes")
    assert demo.call("plan", "--detailed-exitcode").returncode == 0


def test_a_plan_of_another_field_leaves_what_is_sealed_alone(demo: Project) -> None:
    demo.call("apply", "--yes")
    file = demo.path / "jobs.d/demo.yaml"
    file.write_text(file.read_text("utf-8").replace("overlap: allow", "overlap: skip"))
    planned = demo.call("plan").stdout
    assert '"allow" -> "skip"' in planned
    assert "(sensitive)" not in planned


def test_a_plan_can_be_expected_although_each_sealing_differs(demo: Project) -> None:
    digest = json.loads(demo.call("plan", "--format", "json").stdout)["digest"]
    assert demo.call("apply", "--yes", "--expect", digest).returncode == 0


def test_sensitive_added_later_seals_at_the_next_apply(demo: Project) -> None:
    file = demo.path / "jobs.d/demo.yaml"
    sealed = file.read_text("utf-8")
    file.write_text(sealed.replace("    sensitive: [password]\n", ""), encoding="utf-8")
    demo.call("apply", "--yes")
    file.write_text(sealed, encoding="utf-8")
    planned = demo.call("plan")
    assert "(sensitive) -> (sensitive)" in planned.stdout
    assert canaries_in(planned.stdout) == set()
    assert demo.call("apply", "--yes").returncode == 0
    assert canaries_in(demo.call("get", "demo/tell", "-o", "json").stdout) == set()


def test_without_a_key_an_apply_names_the_setting_and_how_to_make_one(demo: Project) -> None:
    del demo.environment["JOBRUNNER_ENCRYPTION_KEYS"]
    refused = demo.call("apply", "--yes")
    assert refused.returncode == 64
    assert "JOBRUNNER_ENCRYPTION_KEYS is not set" in refused.stderr
    assert "urandom(32)" in refused.stderr


def test_the_same_request_with_another_sensitive_value_is_refused(demo: Project) -> None:
    demo.call("apply", "--yes")
    request = ("run", "demo/tell", "--request-id", "one", "--kwargs")
    assert demo.call(*request, '{"password": "first"}').returncode == 0
    again = demo.call(*request, '{"password": "first"}')
    assert "the same request made it earlier" in again.stdout
    other = demo.call(*request, '{"password": "other"}')
    assert "already used with other arguments" in other.stderr


def test_a_run_is_retried_with_its_sealed_arguments(demo: Project, engine: Engine) -> None:
    demo.call("apply", "--yes")
    demo.call("run", "demo/tell", "--kwargs", json.dumps({"password": CANARIES["trigger"]}))
    run_id = json.loads(demo.call("runs", "list", "-o", "json").stdout)[0]["id"]
    demo.call("runs", "cancel", run_id)
    assert demo.call("runs", "retry", run_id).returncode == 0
    assert canaries_in(whole_database(engine)) == set()


MISTAKEN = """
namespace: demo
jobs:
  tell: {{task: acme.tell, kwargs: {{password: {given}, unknown: 1}}, sensitive: [password]}}
  more: {{task: acme.tell, kwargs: {{password: [{given}, env: 2, env: 3]}}, sensitive: [password]}}
  late: {{task: acme.tell, timeout: soon, sensitive: [password], kwargs: {{password: {given}}}}}
  hook:
    task: acme.tell
    kwargs: {{password: {given}}}
    sensitive: [password]
    alerts: [{{when: [failure], to: [nobody]}}]
"""


@pytest.mark.parametrize("form", ["human", "json", "github"])
@pytest.mark.parametrize("given", [CANARIES["kwarg"], '"${PASSWORD}"'])
def test_no_mistake_shows_a_sensitive_value_that_stands_beside_it(
    demo: Project, form: str, given: str
) -> None:
    demo.environment["JOBRUNNER_VAR_PASSWORD"] = CANARIES["trigger"]
    demo.write("jobs.d/demo.yaml", MISTAKEN.format(given=given))
    answer = demo.call("validate", "--format", form)
    assert answer.returncode == 1, answer.stdout
    assert "is no duration" in answer.stdout + answer.stderr
    assert canaries_in(answer.stdout + answer.stderr) == set()


def test_a_sensitive_value_that_a_variable_gives_is_sealed(demo: Project, engine: Engine) -> None:
    demo.environment["JOBRUNNER_VAR_PASSWORD"] = CANARIES["trigger"]
    file = demo.path / "jobs.d/demo.yaml"
    file.write_text(file.read_text("utf-8").replace(CANARIES["kwarg"], "${PASSWORD}"), "utf-8")
    assert demo.call("apply", "--yes").returncode == 0
    shown = all_told(demo)
    assert canaries_in(shown) == set()
    assert canaries_in(whole_database(engine)) == set()


FAIL_AT = """
    CREATE FUNCTION jobrunner.broken() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'broken' USING DETAIL = NEW::text; END $$;
    CREATE TRIGGER broken BEFORE INSERT ON jobrunner.{} FOR EACH ROW
        EXECUTE FUNCTION jobrunner.broken()
"""


RUN = ("run", "demo/tell", "--kwargs", json.dumps({"password": CANARIES["trigger"]}))


@pytest.mark.parametrize(
    ("table", "before", "command"),
    [
        ("definitions", ("validate",), ("apply", "--yes")),
        ("revisions", ("validate",), ("apply", "--yes")),
        ("runs", ("apply", "--yes"), RUN),
    ],
)
def test_fault_85_a_traceback_with_the_rows_of_a_failed_statement_shows_no_secret(
    demo: Project, engine: Engine, table: str, before: tuple[str, ...], command: tuple[str, ...]
) -> None:
    demo.run(*before)
    with engine.begin() as connection:
        connection.exec_driver_sql(FAIL_AT.format(table))
    demo.environment["JOBRUNNER_DEBUG"] = "1"
    told = demo.run(*command)
    assert "Traceback" in told.stderr
    assert "[SQL parameters hidden" in told.stderr
    assert canaries_in(told.stdout + told.stderr) == set()


def test_fault_85_a_traceback_of_a_failed_statement_shows_no_address(
    demo: Project, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(FAIL_AT.format("notifiers"))
    demo.environment["JOBRUNNER_DEBUG"] = "1"
    told = demo.run("apply", "--yes")
    assert "[SQL parameters hidden" in told.stderr
    assert NOTIFIER not in told.stdout + told.stderr


def test_fault_85_a_watch_and_its_status_show_no_secret_of_a_broken_file(
    demo: Project, engine: Engine
) -> None:
    demo.call("apply", "--yes")
    watch = demo.start("watch", "--poll", "--settle", "100ms")
    watch.wait_for_line("Watching")
    file = demo.path / "jobs.d/demo.yaml"
    file.write_text(file.read_text("utf-8").replace("password: can", "pasword:can"), "utf-8")
    watch.wait_for_line("1 error, 1 warning in 2 files", timeout_seconds=60)
    status = demo.call("status", "-o", "json")
    assert "a key without" in status.stdout
    assert canaries_in(watch.output + status.stdout + status.stderr) == set()
    assert canaries_in(whole_database(engine)) == set()
