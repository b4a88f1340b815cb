"""examples/focus-timer from outside: its pages, its commands, its processes."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from httpx2 import Client

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.examples.focus_timer import (
    EXAMPLE,
    NOT_COPIED,
    PATIENCE_SECONDS,
    RUNS,
    SCHEDULES,
    TODOS,
    WAITING,
    WAITING_FOR_ROWS,
    Site,
    free_port,
    hold_template,
    hold_templates,
)
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import open_project
from tests.waiting import wait_until

__all__ = ["one_broker_url", "one_database_url"]


@pytest.fixture(scope="module")
def site(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Site]:
    """The example as `./up` runs it, in a copy of its folder."""
    with open_project(supervisor, database_url, broker_url) as project:
        shutil.copytree(EXAMPLE, project.path, ignore=NOT_COPIED, dirs_exist_ok=True)
        port = free_port()
        project.environment |= {
            "PORT": str(port),
            "JOBRUNNER_VAR_RETRY_DELAY": "1s",
            "DJANGO_SETTINGS_MODULE": "focus.settings",
            "DJANGO_DEBUG": "true",
        }
        engine = make_engine(database_url, application_name="tests of the example")
        client = Client(
            base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=PATIENCE_SECONDS
        )
        opened = Site(project, client, engine)
        project.start_program("./up", "-c", "2", "--no-web")
        opened.sign_in()
        yield opened
        engine.dispose()


# --- To-dos -------------------------------------------------------------------------------------------


def test_a_template_that_is_saved_has_its_next_five_todos(site: Site) -> None:
    site.save_template("Water the plants", "FREQ=WEEKLY;BYDAY=MO,TH")
    todos = site.wait_for_todos("Water the plants", 5)
    assert min(todos) > datetime.now(UTC)
    assert {todo.weekday() for todo in todos} == {0, 3}
    assert max(todos) - min(todos) < timedelta(days=18)
    assert site.page("/").count("Water the plants") == 5


def test_count_and_until_hold(site: Site) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    day = str(tomorrow)
    until = f"{tomorrow + timedelta(days=1):%Y%m%d}T230000Z"
    site.save_template("Three times", "FREQ=DAILY;COUNT=3", first_day=day)
    site.save_template("Two days", f"FREQ=DAILY;UNTIL={until}", first_day=day)
    site.save_template("Long over", "FREQ=DAILY;COUNT=3")
    run = site.manage("run_job", "focus/generate")
    assert run.wait(timeout_seconds=PATIENCE_SECONDS) == 0, run.output
    assert len(site.todos("Three times")) == 3
    assert len(site.todos("Two days")) == 2
    assert site.todos("Long over") == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("FREQ=OFTEN", "This rule cannot be read"),
        ("BYDAY=MO", "This rule cannot be read"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is 1 or more"),
        ("FREQ=MONTHLY;BYDAY=9MO", "This rule cannot be read"),
        ("DTSTART:20260105T090000", "This rule cannot be read"),
        ("FREQ=HOURLY", "daily, weekly, monthly or yearly"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no occurrence, or none for centuries"),
        ("FREQ=DAILY;UNTIL=20251231T000000Z", "no occurrence, or none for centuries"),
        (f"FREQ=DAILY;BYMINUTE={','.join(map(str, range(25)))}", "at most 24 times a day"),
    ],
)
def test_a_rule_that_makes_no_todos_is_refused(site: Site, rule: str, told: str) -> None:
    assert told in site.save_template("Never", rule)
    assert site.ask("SELECT id FROM focus_template WHERE title = 'Never'") == []


def test_an_edited_template_replaces_only_what_is_to_come_and_untouched(site: Site) -> None:
    site.save_template("Call home", "FREQ=DAILY")
    before = site.wait_for_todos("Call home", 5)
    template = site.template_id("Call home")
    past, touched = before[0] - timedelta(days=30), before[1]
    site.ask(
        "INSERT INTO focus_todo (template_id, occurs_at, title, notes, state, is_touched) "
        "VALUES (:template, :past, 'Call home', '', 'open', false) RETURNING id",
        template=template,
        past=past,
    )
    (todo,) = site.ask(
        "SELECT id FROM focus_todo WHERE template_id = :template AND occurs_at = :at",
        template=template,
        at=touched,
    )
    site.send(f"{TODOS}{todo}/change/", title="Call home", notes="on Ada's birthday", state="open")

    site.save_template("Call home", "FREQ=DAILY", path=f"{template}/change/", time_of_day="18:00")

    after = site.wait_for_todos("Call home", 7)
    assert after[0] == past
    assert touched in after
    anew = [todo for todo in after if todo not in {past, touched}]
    assert not set(anew) & set(before)
    assert min(anew) > datetime.now(UTC)


def test_a_todo_that_is_deleted_does_not_come_again(site: Site) -> None:
    site.save_template("Tidy up", "FREQ=DAILY")
    site.wait_for_todos("Tidy up", 5)
    (first, *_) = site.ask("SELECT id FROM focus_todo WHERE title = 'Tidy up' ORDER BY occurs_at")
    site.send(f"{TODOS}{first}/delete/", post="yes")
    assert site.ended(site.start()) == ("succeeded", None)
    assert len(site.todos("Tidy up")) == 5
    assert site.page("/").count("Tidy up") == 4


def test_eight_generators_at_once_leave_exactly_five_rows(site: Site) -> None:
    site.insert_template("Eight at once", "FREQ=DAILY", date(2026, 1, 5))
    with site.engine.begin() as connection:
        hold_templates(connection)
        generators = [site.manage("run_job", "focus/generate", "--local") for _ in range(8)]
        wait_until(lambda: site.ask(WAITING) == [8], timeout_seconds=PATIENCE_SECONDS)
    exits = [one.wait(timeout_seconds=PATIENCE_SECONDS) for one in generators]
    assert exits == [0] * 8, "\n".join(one.output for one in generators)
    assert len(site.todos("Eight at once")) == 5


def test_after_three_days_down_there_are_five_to_come_and_no_backlog(site: Site) -> None:
    now = datetime.now(UTC)
    template = site.insert_template("Stretch", "FREQ=DAILY", now.date() - timedelta(days=30))
    site.ask(
        "INSERT INTO focus_todo (template_id, occurs_at, title, notes, state, is_touched) "
        "VALUES (:template, :newest, 'Stretch', '', 'open', false) RETURNING id",
        template=template,
        newest=now - timedelta(days=3),
    )
    assert site.ended(site.start()) == ("succeeded", None)
    (old, *coming) = site.todos("Stretch")
    assert old == now - timedelta(days=3)
    assert len(coming) == 5
    assert min(coming) > now


@pytest.mark.parametrize(
    ("month", "instant"), [(3, (1, 30)), (10, (0, 30))], ids=["left out", "twice"]
)
def test_each_night_of_dst_gives_one_real_instant(
    site: Site, month: int, instant: tuple[int, int]
) -> None:
    title = f"In month {month}"
    rule = f"FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU"
    site.save_template(title, rule, time_of_day="02:30")
    todos = site.wait_for_todos(title, 5)
    assert {(todo.hour, todo.minute) for todo in todos} == {instant}
    assert_each_of_five_years(todos)


def test_of_times_that_a_night_of_dst_makes_equal_there_is_one_and_still_five_in_all(
    site: Site,
) -> None:
    rule = "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;BYHOUR=2,3;BYMINUTE=30"
    site.save_template("At both", rule)
    todos = site.wait_for_todos("At both", 5)
    assert_each_of_five_years(todos)


def assert_each_of_five_years(todos: list[datetime]) -> None:
    """One a year, from the next Sunday of its kind: that is never more than 53 weeks away."""
    assert [todo.year - todos[0].year for todo in todos] == [0, 1, 2, 3, 4]
    assert todos[0] - datetime.now(UTC) < timedelta(weeks=53, hours=1)


@pytest.mark.parametrize("first_day", ["0001-01-01", "9999-12-31"])
def test_a_todo_of_another_age_is_refused(site: Site, first_day: str) -> None:
    told = site.save_template("Of another age", "FREQ=DAILY", first_day=first_day)
    assert "A to-do begins in one of the years from 1970 to 2200." in told


def test_templates_that_are_saved_while_another_is_worked_at_have_their_todos(site: Site) -> None:
    held = site.insert_template("Held", "FREQ=DAILY", date(2026, 1, 5))
    with site.engine.begin() as connection:
        hold_template(connection, held)
        site.start(template=held)
        wait_until(lambda: site.ask(WAITING_FOR_ROWS) == [1], timeout_seconds=PATIENCE_SECONDS)
        for title in ("First meanwhile", "Second meanwhile"):
            site.save_template(title, "FREQ=DAILY")
        for title in ("First meanwhile", "Second meanwhile"):
            site.wait_for_todos(title, 5)
    site.wait_for_todos("Held", 5)


def test_a_rule_that_can_no_longer_be_read_keeps_no_other_from_its_todos(site: Site) -> None:
    bad = site.insert_template("No longer read", "FREQ=OFTEN", date(2026, 1, 5))
    site.insert_template("After it", "FREQ=DAILY", date(2026, 1, 5))
    state, error = site.ended(site.start())
    site.ask("DELETE FROM focus_template WHERE id = :bad RETURNING id", bad=bad)
    assert (state, f"No longer read ({bad})" in str(error)) == ("failed", True), error
    assert len(site.todos("After it")) == 5


# --- Runs ---------------------------------------------------------------------------------------------


def test_that_a_run_has_started_is_kept_and_then_its_result(site: Site) -> None:
    template = site.insert_template("Read", "FREQ=DAILY", date(2026, 1, 5))
    with site.engine.begin() as connection:
        hold_templates(connection)
        run_id = site.start(template=template)
        wait_until(lambda: site.ask(WAITING) == [1], timeout_seconds=PATIENCE_SECONDS)
        assert site.run_id(site.page(f"{RUNS}?state__exact=running")) == str(run_id)
    assert site.ended(run_id) == ("succeeded", None)
    kept = site.ask("SELECT result FROM jobrunner.runs WHERE id = :id", id=run_id)
    assert kept == [{str(template): 5}]
    shown = site.page(f"{RUNS}{run_id}/change/")
    assert "● succeeded" in shown
    assert "Read: 5 new" in shown


def test_a_failed_run_is_tried_again_with_exponential_back_off(site: Site) -> None:
    site.ask("ALTER TABLE focus_template RENAME TO away; SELECT 1")
    run_id = site.start()
    attempt = "SELECT attempt FROM jobrunner.runs WHERE id = :id"
    wait_until(lambda: site.ask(attempt, id=run_id) == [3], timeout_seconds=PATIENCE_SECONDS)
    site.ask("ALTER TABLE away RENAME TO focus_template; SELECT 1")
    assert site.ended(run_id)[0] == "succeeded"
    first, second, *_ = site.ask(
        "SELECT EXTRACT(epoch FROM lead(started_at) OVER (ORDER BY number) - finished_at) "
        "FROM jobrunner.attempts WHERE run_id = :id ORDER BY number",
        id=run_id,
    )
    # Of one second and of two, each made shorter by chance, by half at most.
    assert first > 0.5
    assert second > 1.0
    shown = site.page(f"{RUNS}{run_id}/change/")
    assert "ProgrammingError" in shown
    assert "● succeeded" in shown


# --- Schedules in the admin ---------------------------------------------------------------------------


def test_the_schedules_of_the_files_are_listed_with_their_lines(site: Site) -> None:
    shown = site.page(SCHEDULES)
    assert "every 12 hours" in shown
    assert "jobs.d/focus.yaml:4" in shown


def test_a_schedule_is_made_changed_and_paused_while_all_goes_on(site: Site) -> None:
    made = {"task": "focus.tasks.remind", "schedule": {"every": "1s"}}
    site.send(f"{SCHEDULES}add/", address="focus/nudge", definition=json.dumps(made))
    count = (
        "SELECT count(*) FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id "
        "WHERE j.address = 'focus/nudge' AND r.state = 'succeeded'"
    )
    wait_until(lambda: site.ask(count)[0] >= 1, timeout_seconds=60)

    ((job, digest),) = site.rows(
        "SELECT id, digest FROM jobrunner.jobs WHERE address = 'focus/nudge'"
    )
    changed = {**made, "schedule": {"every": "1h"}}
    definition = json.dumps(changed)
    site.send(f"{SCHEDULES}{job}/change/", definition=definition, digest=digest)
    assert "every hour" in site.page(SCHEDULES)

    shown = site.send(SCHEDULES, action="pause_schedules", _selected_action=str(job))
    assert "paused by admin" in shown
    plan = site.project.run("plan")
    assert "No changes" in plan.stdout, plan.stdout + plan.stderr
