"""examples/dashboard from outside: its addresses, its commands, its processes."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from statistics import median

import pytest
import yaml
from httpx2 import Response

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.alerts.receivers import Receiver, Request, open_receiver
from tests.examples.dashboard import (
    API,
    EXAMPLE,
    KEY,
    NOT_COPIED,
    PATIENCE_SECONDS,
    TASKS,
    Site,
    export,
    free_port,
    unknown_id,
)
from tests.metrics.promql import named_in
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import open_project
from tests.waiting import wait_until

__all__ = ["one_broker_url", "one_database_url"]

MANY = 10_000
QUEUES = {"high_priority", "cache_operations", "default", "analytics", "low_priority"}


@pytest.fixture(scope="module")
def oncall() -> Iterator[Receiver]:
    """Who is told of alerts."""
    with open_receiver() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(
    supervisor: Supervisor, database_url: str, broker_url: str, oncall: Receiver
) -> Iterator[Site]:
    """The example as `./up` runs it, in a copy of its folder."""
    with open_project(supervisor, database_url, broker_url) as project:
        shutil.copytree(EXAMPLE, project.path, ignore=NOT_COPIED, dirs_exist_ok=True)
        port = free_port()
        project.environment |= {
            "PORT": str(port),
            "JOBRUNNER_JWT_KEY": KEY,
            "JOBRUNNER_ALERTS_SIGNING_KEY": KEY,
            "ONCALL_URL": oncall.url,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DJANGO_DEBUG": "true",
            "JOBRUNNER_WEB_REQUESTS_PER_SECOND": "0",
        }
        engine = make_engine(database_url, application_name="tests of the example")
        opened = Site(project, project.start_program("./up", "-c", "1"), port, engine)
        wait_until(opened.is_complete, timeout_seconds=PATIENCE_SECONDS)
        yield opened
        engine.dispose()


# --- Tasks, queues and times --------------------------------------------------------------------------


def test_each_of_the_five_queues_has_workers_and_what_somebody_waits_for_has_its_own(
    site: Site,
) -> None:
    told = site.staff.get(f"{API}/celery/queues/").json()
    served = {name: len(queue["workers"]) for name, queue in told["queues"].items()}
    assert served == dict.fromkeys(QUEUES, 1) | {"high_priority": 2, "cache_operations": 2}
    assert told["total_queues"] == 5


@pytest.mark.parametrize(
    ("job", "hours"),
    [("refresh-cache", range(24)), ("warm-cache", [2]), ("analyze-performance", [0, 6, 12, 18])],
)
def test_what_repeats_is_due_at_its_hours(job: str, hours: Iterable[int], site: Site) -> None:
    told = site.pages_of("grace").get(f"/api/v1/jobs/dashboard/{job}/next", params={"count": 24})
    times = [datetime.fromisoformat(one["at"]) for one in told.json()["items"]]
    assert {(time.hour, time.minute) for time in times} == {(hour, 0) for hour in hours}


def try_tasks(site: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["python", "manage.py", "try_tasks", *arguments],
        cwd=site.project.path,
        env=site.project.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("how", [(), ("--through-broker",)])
def test_a_command_tries_all_tasks_in_this_process_or_through_the_broker(
    how: tuple[str, ...], site: Site
) -> None:
    done = try_tasks(site, *how)
    assert (done.returncode, done.stdout.count("● ")) == (0, 7), done.stdout + done.stderr


def test_a_command_tries_one_task_and_names_those_there_are(site: Site) -> None:
    done = try_tasks(site, "refresh-cache")
    assert done.stdout == "● refresh-cache: 3\n"
    unknown = try_tasks(site, "nothing")
    assert unknown.returncode == 1
    assert "There is no nothing; there are refresh-cache, warm-cache," in unknown.stderr


def test_a_user_refreshes_his_own_figures_and_sees_them(site: Site) -> None:
    started = site.of("ada").post(f"{API}/refresh/")
    task = site.ended(started.json()["task_id"])
    assert (task["status"], task["queue"], task["result"]) == ("SUCCESS", "high_priority", 1)
    assert site.of("ada").get(f"{API}/").json()["figures"]["activities"] == 60


def test_old_data_goes_and_newer_data_stays(site: Site) -> None:
    for _ in range(2):
        analysis = site.ended(site.execute("dashboard/analyze-performance"))
        assert analysis["status"] == "SUCCESS"
    site.do("""
        UPDATE dashboard_analysis SET made_at = now() - interval '31 days'
         WHERE id = (SELECT min(id) FROM dashboard_analysis)
    """)
    kept = site.ask("SELECT count(*) - 1 FROM dashboard_analysis")
    task = site.ended(site.execute("dashboard/clean-up"))
    assert task["result"]["analyses"] == 1
    assert site.ask("SELECT count(*) FROM dashboard_analysis") == kept


@pytest.mark.parametrize("kind", ["info", "warning", "alert"])
def test_a_notification_is_on_the_dashboard_of_its_user(kind: str, site: Site) -> None:
    user_id = site.ask("SELECT id FROM auth_user WHERE username = 'bob'")
    told = {"kind": kind, "text": f"something of the kind {kind}"}
    site.ended(site.execute("dashboard.tasks.send_notification", user_id=user_id, **told))
    assert told in site.of("bob").get(f"{API}/").json()["notifications"]


@pytest.mark.parametrize("name", [r"a\u0000", r"\ud800"])
def test_a_name_that_nobody_can_have_is_wrong(site: Site, name: str) -> None:
    body = f'{{"username": "{name}", "password": "x"}}'
    assert site.of("ada").post(f"{API}/token/", content=body).status_code == 401


def test_a_request_leaves_no_connection_to_the_database_behind(site: Site) -> None:
    opened = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    before = site.ask(opened)
    with ThreadPoolExecutor(10) as askers:
        codes = set(askers.map(lambda _: site.of("ada").get(f"{API}/").status_code, range(100)))
    assert codes == {200}
    wait_until(lambda: site.ask(opened) <= before + 3)


# --- Exports ------------------------------------------------------------------------------------------


def exported(site: Site, form: str) -> Response:
    asked = export(site.of("ada"), form)
    assert asked.status_code == 202, asked.text
    assert site.ended(asked.json()["task_id"])["status"] == "SUCCESS"
    return site.of("ada").get(asked.json()["file"])


def test_an_export_as_json_has_each_activity_of_these_days(site: Site) -> None:
    told = exported(site, "json").json()
    assert len(told["activities"]) == 60
    assert set(told["activities"][0]) == {"happened_at", "kind", "amount"}


def test_an_export_as_csv_has_the_same_rows(site: Site) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(site, "csv").text)))
    assert rows == exported(site, "json").json()["activities"]


def test_an_export_as_pdf_is_a_pdf_of_several_pages(site: Site) -> None:
    file = exported(site, "pdf").content
    assert file.startswith(b"%PDF-")
    assert file.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", file)) > 1


def test_what_people_have_written_is_neither_a_formula_nor_markup(site: Site) -> None:
    site.do("""
        WITH made AS (
            INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser,
                                   is_staff, is_active, date_joined)
            VALUES ('<b>eve', '', '', '', '', false, false, true, now()) RETURNING id)
        INSERT INTO dashboard_activity (user_id, kind, amount, happened_at)
        SELECT id, '=1+1', -1, now() FROM made
        UNION SELECT id, repeat('名', 40), 2, now() - interval '1 day' FROM made
    """)
    eve = site.of("<b>eve")
    files = {}
    for form in ("csv", "pdf"):
        asked = export(eve, form).json()
        assert site.ended(asked["task_id"])["status"] == "SUCCESS"
        files[form] = eve.get(asked["file"])
    other, row = csv.DictReader(io.StringIO(files["csv"].text))
    assert other["kind"] == "名" * 40
    assert (row["kind"], row["amount"]) == ("'=1+1", "-1.00")
    assert files["pdf"].content.startswith(b"%PDF-")


def test_an_export_of_another_user_is_not_found(site: Site) -> None:
    asked = export(site.of("ada"), "csv")
    site.ended(asked.json()["task_id"])
    assert site.of("bob").get(asked.json()["file"]).status_code == 404


def test_an_export_that_cannot_be_is_refused_and_neither_it_nor_a_run_is_made(site: Site) -> None:
    count = "SELECT (SELECT count(*) FROM dashboard_export) + (SELECT count(*) FROM jobrunner.runs)"
    before = site.ask(count)
    assert export(site.of("ada"), "docx").status_code == 422
    assert site.ask(count) == before


# --- Whose run it is ----------------------------------------------------------------------------------


def test_fault_82_a_run_of_another_user_is_nowhere(site: Site) -> None:
    task_id = site.execute("dashboard/debug", user="ada", fail="code")
    site.ended(task_id)
    where = [f"/api/v1/runs/{task_id}", f"/api/v1/runs/{task_id}/events", f"/runs/{task_id}"]
    own, other = site.pages_of("ada"), site.pages_of("bob")
    assert [own.get(path).status_code for path in where] == [200, 200, 200]
    assert [other.get(path).status_code for path in where] == [404, 404, 404]
    assert site.of("ada").get(f"{TASKS}{task_id}/").status_code == 200
    assert site.of("bob").get(f"{TASKS}{task_id}/").status_code == 404
    for search in ("/runs?text=mistake", "/api/v1/runs"):
        assert task_id in own.get(search).text
        assert task_id not in other.get(search).text
    assert task_id not in site.of("bob").get(f"{TASKS}?limit=500").text


def test_a_user_starts_no_task_but_by_the_dashboard(site: Site) -> None:
    assert site.of("ada").post(f"{TASKS}dashboard/debug/execute/", json={}).status_code == 403
    strangers = [
        site.of("mallory").post(f"{API}/refresh/"),
        site.of("ada").get(f"{TASKS}{unknown_id()}/"),
    ]
    assert [answer.status_code for answer in strangers] == [401, 404]


def test_a_name_and_a_password_give_a_token_that_both_accept(site: Site) -> None:
    wrong = site.of("ada").post(f"{API}/token/", json={"username": "ada", "password": "x"})
    right = site.of("ada").post(f"{API}/token/", json={"username": "ada", "password": "dashboard"})
    headers = {"Authorization": f"Bearer {right.json()['token']}"}
    paths = (f"{API}/", f"{API}/celery/status/")
    assert wrong.status_code == 401
    assert {site.staff.get(path, headers=headers).status_code for path in paths} == {200}


# --- What watches it ----------------------------------------------------------------------------------


def test_the_status_the_workers_and_the_health_are_told(site: Site) -> None:
    site.ended(site.execute("dashboard/debug"))
    status = site.staff.get(f"{API}/celery/status/").json()
    assert (status["status"], status["worker_count"]) == ("healthy", 2)
    assert site.staff.post(f"{API}/celery/health_check/").json()["status"] == "healthy"

    def totals() -> int:
        told = site.staff.get(f"{API}/celery/workers/").json()
        return sum(one["total"].get("dashboard/debug", 0) for one in told["stats"].values())

    wait_until(totals, timeout_seconds=PATIENCE_SECONDS)
    stats = site.staff.get(f"{API}/celery/workers/").json()["stats"]
    pools = [one["pool"] for one in stats.values()]
    assert [(pool["max-concurrency"], len(pool["processes"])) for pool in pools] == [(1, 1)] * 2


def test_a_poller_of_what_has_not_changed_is_sent_nothing(site: Site) -> None:
    task_id = site.execute("dashboard/debug")
    site.ended(task_id)
    for path in (f"{TASKS}{task_id}/", f"{API}/celery/queues/"):
        tag = site.staff.get(path).headers["etag"]
        again = site.staff.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def queries() -> dict[str, str]:
    panels = json.loads((EXAMPLE / "deploy" / "grafana.json").read_text("utf-8"))["panels"]
    groups = yaml.safe_load((EXAMPLE / "deploy" / "alerts.yml").read_text("utf-8"))["groups"]
    return {
        **{one["expr"]: panel["title"] for panel in panels for one in panel["targets"]},
        **{rule["expr"]: rule["alert"] for group in groups for rule in group["rules"]},
    }


def test_every_query_of_the_dashboard_and_of_the_alert_rules_finds_its_series(site: Site) -> None:
    site.ended(site.execute("dashboard/debug"))
    site.ended(site.execute("dashboard/debug", fail="code"))
    # What errors there were is counted by a beat, soon after.
    wait_until(lambda: not missing_series(site), timeout_seconds=PATIENCE_SECONDS)


def missing_series(site: Site) -> set[tuple[str, str]]:
    """Titles of queries, with the metric that a scrape does not have."""
    told = site.staff.get(f"{API}/metrics/prometheus/").text
    return {
        (title, name)
        for query, title in queries().items()
        for name, labels in named_in(query).metrics.items()
        if not re.search(rf"^{name}{'{' if labels else ''}", told, re.MULTILINE)
    }


# --- What goes wrong ----------------------------------------------------------------------------------


def test_what_is_wrong_in_the_code_is_not_tried_again(site: Site) -> None:
    task = site.ended(site.execute("dashboard/debug", fail="code"))
    assert (task["status"], task["retries"]) == ("FAILURE", 0)


@pytest.mark.parametrize("fail", ["network", "database"])
def test_a_fault_of_network_or_database_is_tried_three_times_with_back_off_from_a_minute(
    fail: str, site: Site
) -> None:
    task_id = site.execute("dashboard/debug", fail=fail)
    for seconds in (60, 120, 240):
        wait_until(
            lambda: site.task(task_id)["status"] == "RETRY", timeout_seconds=PATIENCE_SECONDS
        )
        assert seconds / 2 <= waits_for(site, task_id) <= seconds
        try_again_now(site, task_id)
    task = site.ended(task_id)
    assert (task["status"], task["retries"]) == ("FAILURE", 3)


def try_again_now(site: Site, task_id: str) -> None:
    """Without the wait; returns when the next attempt has begun."""
    retries = site.task(task_id)["retries"]
    site.do("UPDATE jobrunner.runs SET available_at = now() WHERE id = :id", id=task_id)
    wait_until(lambda: site.task(task_id)["retries"] > retries, timeout_seconds=PATIENCE_SECONDS)


def waits_for(site: Site, task_id: str) -> float:
    """Seconds between an attempt and the next."""
    return float(
        site.ask(
            """
            SELECT extract(epoch FROM r.available_at - a.finished_at)
              FROM jobrunner.runs AS r
              JOIN jobrunner.attempts AS a ON a.run_id = r.id AND a.number = r.attempt
             WHERE r.id = :id
            """,
            id=task_id,
        )
    )


def told_of(oncall: Receiver, job: str) -> list[Request]:
    return [request for request in oncall.requests if request.json["about"]["job"] == job]


def test_a_critical_failure_is_told_once_and_once_when_it_is_over(
    site: Site, oncall: Receiver
) -> None:
    job = "dashboard/export-user-data"
    for _ in range(3):
        failed = site.ended(site.execute(job, export_id=unknown_id()))
        assert failed["status"] == "FAILURE"
    wait_until(lambda: told_of(oncall, job), timeout_seconds=PATIENCE_SECONDS)
    for _ in range(3):
        exported(site, "csv")
    wait_until(lambda: len(told_of(oncall, job)) > 1, timeout_seconds=PATIENCE_SECONDS)
    events = [(told.json["event"], told.json["kind"]) for told in told_of(oncall, job)]
    assert events == [("opened", "failure"), ("recovered", "failure")]


def test_the_staff_sees_an_alert_on_its_dashboard_and_nobody_can_forge_one(
    site: Site, oncall: Receiver
) -> None:
    site.ended(site.execute("dashboard/debug", fail="code"))
    wait_until(lambda: told_of(oncall, "dashboard/debug"), timeout_seconds=PATIENCE_SECONDS)
    hook = told_of(oncall, "dashboard/debug")[0]
    signed = {"Jobrunner-Signature": hook.headers["jobrunner-signature"]}
    sent = [
        site.staff.post(f"{API}/alerts/", content=body, headers=headers).status_code
        for body, headers in ((hook.body, signed), (hook.body + b" ", signed), (hook.body, {}))
    ]
    assert sent == [204, 401, 401]
    told = {"kind": "alert", "text": hook.json["title"]}
    assert told in site.staff.get(f"{API}/").json()["notifications"]
    assert told not in site.of("bob").get(f"{API}/").json()["notifications"]


def put_runs(site: Site, job: str, number: int, kwargs: dict[str, object]) -> None:
    """As so many triggers at once would."""
    site.do(
        """
        INSERT INTO jobrunner.runs (id, job_id, definition_id, delivery, trigger, scheduled_for,
                                    state, queue, available_at, kwargs, created_by)
        SELECT gen_random_uuid(), id, definition_id, delivery, 'manual', now(),
               'queued', queue, now(), CAST(:kwargs AS jsonb), 'burst'
          FROM jobrunner.jobs, generate_series(1, :number) WHERE address = :job
        """,
        job=job,
        number=number,
        kwargs=json.dumps(kwargs),
    )


def test_nothing_is_lost_when_a_worker_is_killed(site: Site) -> None:
    user_id = site.ask("SELECT id FROM auth_user WHERE username = 'bob'")
    made = "SELECT count(*) FROM dashboard_notification WHERE text = 'before or after'"
    pid = worker_pid(site)
    put_runs(site, "dashboard/notify", 300, {"user_id": user_id, "text": "before or after"})
    wait_until(lambda: site.ask(made) >= 10, timeout_seconds=PATIENCE_SECONDS)
    os.kill(pid, signal.SIGKILL)
    assert site.ask(made) < 300
    over = "SELECT count(*) FROM jobrunner.runs WHERE created_by = 'burst' AND state = 'succeeded'"
    wait_until(lambda: site.ask(over) == 300, timeout_seconds=PATIENCE_SECONDS)
    assert site.ask(made) == 300


def worker_pid(site: Site) -> int:
    """Of the one that serves all queues."""
    workers = site.pages_of("grace").get("/api/v1/workers").json()["items"]
    return next(int(one["pid"]) for one in workers if len(one["queues"]) == len(QUEUES))


def test_ten_thousand_runs_of_low_priority_leave_high_priority_under_a_second(site: Site) -> None:
    """Beside what it takes here without them: the machine may be busy with other tests."""
    waiting = """
        SELECT count(*) FROM jobrunner.runs WHERE queue = 'low_priority' AND state = 'queued'
    """
    calm = [start_seconds(site, "dashboard/refresh-cache") for _ in range(5)]
    put_runs(site, "dashboard/debug", MANY, {})
    wait_until(lambda: site.ask(waiting) < MANY, timeout_seconds=PATIENCE_SECONDS)
    in_burst = [start_seconds(site, "dashboard/refresh-cache") for _ in range(10)]
    assert site.ask(waiting) > MANY / 10
    assert median(in_burst) - median(calm) < 1.0


def start_seconds(site: Site, job: str) -> float:
    """From the request to the start of its run."""
    task = site.ended(site.execute(job))
    assert task["status"] == "SUCCESS"
    asked = "SELECT extract(epoch FROM started_at - created_at) FROM jobrunner.runs WHERE id = :id"
    return float(site.ask(asked, id=task["task_id"]))
