"""examples/fastapi-reports as `./up` starts it: reports, schedules over REST, and what a crash leaves."""

import base64
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from jobrunner.process_tree import descendants
from tests.examples.fastapi_reports import (
    PATIENCE_SECONDS,
    PERIODIC,
    Api,
    ask,
    copy_example,
    ended,
    file_of,
    free_port,
)
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import Project, StartedProcess, open_project
from tests.waiting import wait_until

__all__ = ["one_broker_url", "one_database_url"]


@dataclass(frozen=True)
class System:
    """The running example."""

    api: Api
    project: Project
    up: StartedProcess
    database: Engine

    def count(self, table: str, **values: Any) -> int:
        """Rows that have these values."""
        conditions = " AND ".join(f"{name} = :{name}" for name in values) or "true"
        with self.database.begin() as connection:
            query = text(f"SELECT count(*) FROM {table} WHERE {conditions}")  # noqa: S608  of ours
            return int(connection.execute(query, values).scalar_one())

    def run_of(self, told: httpx2.Response) -> dict[str, Any]:
        """As the mounted API of jobrunner has it."""
        with self.api.administrator as client:
            found: dict[str, Any] = client.get(f"/jobs/api/v1/runs/{told.json()['run_id']}").json()
        return found


@pytest.fixture(scope="module")
def system(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[System]:
    """One worker process, so that all runs share its loop; a schedule `minutely` is there from now on."""
    with open_project(supervisor, database_url, broker_url) as project:
        copy_example(project.path)
        api = Api(free_port())
        project.environment |= {"PORT": str(api.port), "REPORTS_WORK_SECONDS": "0"}
        database = make_engine(database_url, application_name="tests")
        up = project.start_program("./up", "-c", "1")
        api.wait_for_answers()
        with api.administrator as client:
            body = {"name": "minutely", "organization_id": 1, "crontab": "* * * * *"}
            assert client.post(PERIODIC, json=body).status_code == 201
        yield System(api, project, up, database)
        database.dispose()


@pytest.fixture
def ada(system: System) -> Iterator[httpx2.Client]:
    """A member of organisations 1 and 3."""
    with system.api.of("ada") as client:
        yield client


@pytest.fixture
def root(system: System) -> Iterator[httpx2.Client]:
    """An administrator."""
    with system.api.administrator as client:
        yield client


def text_of_pdf(content: bytes) -> str:
    """What its pages say, by the letters that its only font gives to its codes."""
    packed = re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)
    streams = [unpacked(one).decode("latin-1") for one in packed]
    (table,) = [one for one in streams if "beginbfchar" in one]
    letters = dict(re.findall(r"<(..)> <(....)>\n", table.partition("beginbfchar")[2]))
    pages = "".join(one for one in streams if " Tj" in one)
    drawn = "".join(re.findall(r"\((.*?)\) Tj", pages))
    codes = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), drawn)
    return "".join(chr(int(letters[f"{ord(code):02X}"], 16)) for code in codes)


def unpacked(stream: bytes) -> bytes:
    """Deflate, reportlab's pages within Ascii85."""
    stripped = stream.rstrip()
    packed = base64.a85decode(stripped[:-2]) if stripped.endswith(b"~>") else stream
    # What stands behind a stream's own end is no part of it.
    return zlib.decompressobj().decompress(packed)


def test_a_report_is_accepted_made_and_fetched_as_csv(ada: httpx2.Client) -> None:
    asked = ask(ada, 1, days=2)
    assert ended(ada, asked)["result"]["total"] == "63.00"
    rows = list(csv.reader(file_of(ada, asked).text.splitlines()))
    assert rows[0] == ["product", "sold", "euros"]
    assert rows[1] == ["Anvil", "2", "21.00"]
    assert rows[-1] == ["total", "", "63.00"]


def test_a_pdf_report_is_one_with_the_names_as_they_are(system: System) -> None:
    with system.api.of("bob") as bob:
        asked = ask(bob, 2, days=2, kind="pdf")
        assert ended(bob, asked)["status"] == "SUCCESS"
        content = file_of(bob, asked).content
    assert (content[:5], content.rstrip()[-5:]) == (b"%PDF-", b"%%EOF")
    drawn = text_of_pdf(content)
    assert "Sales of Böhm & Söhne <AG>" in drawn
    assert "66.15" in drawn


def test_a_pdf_report_loses_no_letter_and_has_names_longer_than_a_page(system: System) -> None:
    with system.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sales (organization_id, sold_on, product, amount, currency) "
                "VALUES (2, CURRENT_DATE, :product, 0, 'CHF')"
            ),
            {"product": "Łukasz 名前" + " onwards" * 2000},
        )
    with system.api.of("bob") as bob:
        asked = ask(bob, 2, days=2, kind="pdf")
        assert ended(bob, asked)["status"] == "SUCCESS"
        drawn = text_of_pdf(file_of(bob, asked).content)
    assert "Łukasz [U+540D][U+524D]" in drawn
    assert drawn.count("onwards") == 2000


def test_a_run_belongs_to_who_has_asked_and_nobody_else_sees_it(
    system: System, ada: httpx2.Client
) -> None:
    asked = ask(ada, 1)
    run = f"/jobs/api/v1/runs/{asked.json()['run_id']}"
    ended(ada, asked)
    places = [asked.headers["location"], run, run.replace("/api/v1", ""), f"{run}/events"]
    with system.api.of("bob") as bob:
        assert [bob.get(place).status_code for place in places] == [404, 404, 404, 404]
        listed = bob.get("/jobs/api/v1/runs", params={"job": "reports/sales"}).json()["items"]
    assert [ada.get(place).status_code for place in places] == [200, 200, 200, 200]
    assert {one["created_by"] for one in listed} <= {"bob"}


def test_without_a_right_to_the_organisation_there_is_no_report(
    system: System, ada: httpx2.Client
) -> None:
    before = system.count("jobrunner.runs", created_by="ada")
    assert [ask(ada, number).status_code for number in (2, 99, 2**31)] == [404, 404, 422]
    assert system.count("jobrunner.runs", created_by="ada") == before


def test_who_is_not_known_gets_nothing(system: System) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{system.api.port}") as nobody:
        assert ask(nobody, 1).status_code == 401
        assert nobody.get(PERIODIC).status_code == 401


def test_fifty_equal_keys_at_once_are_one_run_and_one_report(
    system: System, ada: httpx2.Client
) -> None:
    before = system.count("requested_reports")
    ada.headers["Idempotency-Key"] = "fifty"
    with ThreadPoolExecutor(50) as pool:
        asked = list(pool.map(lambda _: ask(ada, 1), range(50)))
    assert {one.status_code for one in asked} == {202}
    assert len({one.json()["run_id"] for one in asked}) == 1
    assert system.count("requested_reports") == before + 1
    assert system.count("jobrunner.runs", request_key="ada:fifty") == 1


def pid_of_server(system: System) -> int:
    """The process of the API."""
    (found,) = [
        pid
        for pid in descendants(system.up.pid)
        if b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found


def waits_for_table(system: System) -> bool:
    with system.database.begin() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'requested_reports'::regclass"
        return int(connection.execute(text(query)).scalar_one()) > 0


def test_a_server_that_is_killed_within_a_request_leaves_neither_run_nor_report(
    system: System, ada: httpx2.Client
) -> None:
    reports = system.count("requested_reports")
    with ThreadPoolExecutor(1) as pool, system.database.connect() as other:
        other.execute(text("LOCK TABLE requested_reports IN ACCESS EXCLUSIVE MODE"))
        ada.headers["Idempotency-Key"] = "killed"
        asked = pool.submit(ask, ada, 1)
        wait_until(lambda: waits_for_table(system))
        os.kill(pid_of_server(system), signal.SIGKILL)
        with pytest.raises(httpx2.TransportError):
            asked.result(PATIENCE_SECONDS)
    system.api.wait_for_answers()
    assert system.count("jobrunner.runs", request_key="ada:killed") == 0
    assert system.count("requested_reports") == reports
    assert ended(ada, ask(ada, 1))["status"] == "SUCCESS"


def seconds_until_again(run: dict[str, Any]) -> float:
    """From the end of its first attempt."""
    at = datetime.fromisoformat(run["available_at"])
    return (at - datetime.fromisoformat(run["attempts"][0]["finished_at"])).total_seconds()


def test_a_failed_report_is_tried_again_three_times_a_minute_apart(system: System) -> None:
    folder = system.project.path / "files" / "2"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("where its reports are to be written", encoding="utf-8")
    with system.api.of("bob") as bob:
        asked = ask(bob, 2)
        told = ended(bob, asked)
    folder.unlink()
    run = system.run_of(asked)
    assert (told["status"], "File exists" in told["error"]) == ("RETRY", True)
    assert run["definition"]["retry"]["max_retries"] == 3
    assert seconds_until_again(run) == pytest.approx(60, abs=5)


def test_a_report_without_a_rate_is_tried_again_in_five_minutes_by_its_own_wish(
    system: System, ada: httpx2.Client
) -> None:
    asked = ask(ada, 3)
    told = ended(ada, asked)
    assert (told["status"], "without a rate" in told["error"]) == ("RETRY", True)
    assert seconds_until_again(system.run_of(asked)) == pytest.approx(300, abs=5)


def test_plain_code_awaits_on_the_loop_and_engine_of_the_coroutines(
    system: System, ada: httpx2.Client
) -> None:
    before = ended(ada, ask(ada, 1))
    turnover = system.project.run("run", "reports/turnover", "--wait")
    after = ended(ada, ask(ada, 1))
    assert (before["status"], after["status"]) == ("SUCCESS", "SUCCESS")
    assert (turnover.returncode, '"Acme GmbH": "63.00"' in turnover.stdout) == (0, True)


def task(client: httpx2.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{PERIODIC}/{name}").json()
    return found


def test_an_interval_fires_while_everything_runs_until_it_is_switched_off(
    root: httpx2.Client,
) -> None:
    made = root.post(PERIODIC, json={"name": "often", "organization_id": 1, "interval_seconds": 1})
    assert made.headers["location"] == f"{PERIODIC}/often"
    wait_until(
        lambda: task(root, "often")["total_run_count"] >= 2, timeout_seconds=PATIENCE_SECONDS
    )
    assert task(root, "often")["last_run_at"] is not None
    off = root.post(f"{PERIODIC}/often/disable").json()
    assert (off["enabled"], off["next_run_at"]) == (False, None)
    on = root.post(f"{PERIODIC}/often/enable").json()
    assert (on["enabled"], on["next_run_at"] is not None) == (True, True)
    root.post(f"{PERIODIC}/often/disable")


def test_a_one_shot_runs_once_and_stays_listed(root: httpx2.Client) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1)
    root.post(PERIODIC, json={"name": "once", "organization_id": 1, "at": at.isoformat()})
    wait_until(lambda: task(root, "once")["total_run_count"] == 1, timeout_seconds=PATIENCE_SECONDS)
    assert task(root, "once")["next_run_at"] is None
    assert "once" in [one["name"] for one in root.get(PERIODIC).json()]


def test_a_task_is_changed_and_deleted(root: httpx2.Client) -> None:
    root.post(PERIODIC, json={"name": "other", "organization_id": 1, "interval_seconds": 3600})
    changed = root.patch(f"{PERIODIC}/other", json={"crontab": "0 6 * * *", "kind": "pdf"}).json()
    assert changed["schedule"] == {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    assert changed["arguments"] == {"organization_id": 1, "kind": "pdf"}
    assert root.delete(f"{PERIODIC}/other").status_code == 204
    assert root.get(f"{PERIODIC}/other").status_code == 404


def test_what_a_change_leaves_out_stays_as_it_is(root: httpx2.Client) -> None:
    made = {"name": "abroad", "organization_id": 1, "crontab": "0 6 * * *"}
    root.post(PERIODIC, json={**made, "timezone": "Asia/Tokyo"})
    changed = root.patch(f"{PERIODIC}/abroad", json={"crontab": "0 7 * * *"}).json()
    assert changed["schedule"] == {"cron": "0 7 * * *", "timezone": "Asia/Tokyo"}
    moved = root.patch(f"{PERIODIC}/abroad", json={"timezone": "Africa/Lagos"}).json()
    assert moved["schedule"] == {"cron": "0 7 * * *", "timezone": "Africa/Lagos"}
    assert root.patch(f"{PERIODIC}/abroad", json={"crontab": ""}).status_code == 422
    root.delete(f"{PERIODIC}/abroad")


def test_what_cannot_be_scheduled_is_told_of(root: httpx2.Client) -> None:
    body = {"name": "bad", "organization_id": 1, "crontab": "61 * * * *"}
    refused = root.post(PERIODIC, json=body)
    assert (refused.status_code, "minute 61 is out of range" in refused.text) == (422, True)
    assert root.post(PERIODIC, json={**body, "interval_seconds": 5}).status_code == 422
    assert root.post(PERIODIC, json={"name": "bad", "organization_id": 1}).status_code == 422


def test_only_administrators_schedule_and_the_audit_names_them(
    system: System, ada: httpx2.Client
) -> None:
    body = {"name": "hers", "organization_id": 1, "interval_seconds": 60}
    assert ada.post(PERIODIC, json=body).status_code == 403
    assert system.count("jobrunner.audit", actor="root", target="periodic/minutely") == 1


def test_an_apply_touches_no_task_of_the_api(system: System) -> None:
    planned = system.project.run("plan")
    assert (planned.returncode, "No changes." in planned.stdout) == (0, True)


def test_the_hosts_migrations_make_its_tables_and_keep_a_version_of_their_own(
    system: System,
) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=system.project.path,
        env=system.project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No new upgrade operations detected." in checked.stdout, checked.stderr
    assert system.count("reports_version", version_num="0001") == 1


def test_its_own_tests_call_tasks_without_broker_and_worker(system: System) -> None:
    environment = {**system.project.environment, "JOBRUNNER_BROKER_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=system.project.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout


def test_flower_shows_a_report_under_the_name_of_its_job(
    system: System, ada: httpx2.Client
) -> None:
    port = free_port()
    system.project.environment["FLOWER_UNAUTHENTICATED_API"] = "true"
    flower = system.project.start_program(
        *(sys.executable, "-m", "celery", "-A", "jobrunner.app", "flower"),
        *("--address=127.0.0.1", f"--port={port}"),
    )
    url = f"http://127.0.0.1:{port}/api"

    def names() -> set[str]:
        try:
            ended(ada, ask(ada, 1))  # the worker tells only from when Flower has asked it to
            tasks = httpx2.get(f"{url}/tasks").json()
        except (httpx2.TransportError, json.JSONDecodeError):
            return set()
        return {one["name"] for one in tasks.values() if one["state"] == "SUCCESS"}

    wait_until(lambda: "reports/sales" in names(), timeout_seconds=PATIENCE_SECONDS)
    flower.kill_if_alive()


def test_a_crontab_made_over_rest_fires_within_its_minute_without_a_restart(
    system: System, root: httpx2.Client
) -> None:
    wait_until(lambda: task(root, "minutely")["total_run_count"] > 0, timeout_seconds=90)
    query = """
        SELECT scheduled_for, started_at - scheduled_for < interval '1 minute' AS is_prompt
          FROM jobrunner.runs
         WHERE job_id = (SELECT id FROM jobrunner.jobs WHERE address = 'periodic/minutely')
    """
    wait_until(lambda: all(one.is_prompt for one in rows(system, query)))
    assert {one.scheduled_for.second for one in rows(system, query)} == {0}


def rows(system: System, query: str) -> list[Any]:
    with system.database.begin() as connection:
        return list(connection.execute(text(query)))
