"""What a scrape says of jobs, queues, projects and processes."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, select, text

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause
from jobrunner.db.processes import sign_in
from jobrunner.db.totals import count_ended
from jobrunner.metrics import names
from tests.ledger import NOON, Ledger
from tests.metrics.scraping import Scraped, scraped
from tests.seeding import put_notifiers

MINUTE = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC)


def test_runs_are_told_by_job_queue_trigger_and_outcome(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    ledger.end_run(ledger.add_run(job_id), "succeeded")
    ledger.end_run(ledger.add_run(job_id, trigger="schedule"), "failed")
    found = scraped(engine)
    labels = {"job": "test/job", "queue": "default"}
    assert found.value(names.RUNS.name, **labels, trigger="manual", outcome="succeeded") == 1
    assert found.value(names.RUNS.name, **labels, trigger="schedule", outcome="failed") == 1


def test_counted_and_uncounted_runs_are_one_series(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    for _ in range(2):
        ledger.end_run(ledger.add_run(job_id, attempt=3), "succeeded")
        with transaction(engine) as connection:
            count_ended(connection, limit=1)
    ledger.end_run(ledger.add_run(job_id, attempt=2), "succeeded")
    found = scraped(engine)
    assert 3.0 in [value for (name, _), value in found.series.items() if name == names.RUNS.name]
    assert found.value(names.RETRIES.name, job="test/job", queue="default") == 5


def test_times_are_histograms_by_queue(ledger: Ledger, engine: Engine) -> None:
    for name in ("one", "two"):
        ledger.add_run(
            ledger.add_job(name=name),
            state="succeeded",
            available_at=NOON,
            started_at=NOON + timedelta(seconds=2),
            finished_at=NOON + timedelta(seconds=32),
        )
    found = scraped(engine)
    duration = names.DURATION.name
    assert found.value(f"{duration}_count", queue="default") == 2
    assert found.value(f"{duration}_sum", queue="default") == 60
    assert found.value(f"{duration}_bucket", queue="default", le="15.0") == 0
    assert found.value(f"{duration}_bucket", queue="default", le="60.0") == 2
    assert found.value(f"{duration}_bucket", queue="default", le="+Inf") == 2
    assert found.value(f"{names.WAIT.name}_bucket", queue="default", le="2.5") == 2


def test_a_deleted_job_has_no_series_and_its_runs_stay_in_the_histograms(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = ledger.add_job()
    ledger.add_run(job_id, state="succeeded", available_at=NOON, started_at=NOON, finished_at=NOON)
    ledger.delete_job(job_id)
    found = scraped(engine)
    assert 'job="test/job"' not in found.text
    assert found.value(f"{names.DURATION.name}_count", queue="default") == 1


def test_the_last_success_is_the_newest(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    for days in (2, 1, 3):
        ended = NOON - timedelta(days=days)
        ledger.add_run(job_id, state="succeeded", finished_at=ended)
    ledger.add_run(job_id, state="failed", finished_at=NOON)
    found = scraped(engine).value(names.LAST_SUCCESS.name, job="test/job")
    assert found == (NOON - timedelta(days=1)).timestamp()


def test_a_job_that_never_succeeded_has_no_last_success(ledger: Ledger, engine: Engine) -> None:
    ledger.end_run(ledger.add_run(ledger.add_job()), "failed")
    assert scraped(engine).value(names.LAST_SUCCESS.name, job="test/job") is None


def add_due(ledger: Ledger, *times: datetime) -> uuid.UUID:
    job_id = ledger.add_job()
    with ledger.engine.begin() as connection:
        for number, at in enumerate(times):
            connection.execute(
                insert(tables.schedules).values(
                    id=uuid.uuid4(),
                    job_id=job_id,
                    name=f"s{number}",
                    spec={},
                    next_scheduled_for=at,
                    next_run_at=at,
                )
            )
    return job_id


def test_the_next_run_is_that_of_the_next_schedule(ledger: Ledger, engine: Engine) -> None:
    soon = now() + MINUTE
    add_due(ledger, soon + MINUTE, soon)
    found = scraped(engine).value(names.NEXT_RUN.name, job="test/job")
    assert found == pytest.approx(soon.timestamp(), abs=0.001)


def overdue(engine: Engine) -> float | None:
    return scraped(engine).value(names.OVERDUE.name, job="test/job")


def test_a_job_is_overdue_when_a_time_it_owes_has_no_run(ledger: Ledger, engine: Engine) -> None:
    add_due(ledger, now() - 2 * MINUTE)
    assert overdue(engine) == 1


def test_a_job_is_overdue_when_its_run_does_not_start(ledger: Ledger, engine: Engine) -> None:
    ledger.add_run(ledger.add_job(), available_at=func.now() - 2 * MINUTE)
    assert overdue(engine) == 1


def test_a_job_is_not_overdue_within_a_minute(ledger: Ledger, engine: Engine) -> None:
    job_id = add_due(ledger, now() - timedelta(seconds=30))
    ledger.add_run(job_id, available_at=func.now() - timedelta(seconds=30))
    assert overdue(engine) == 0


def test_a_run_that_waits_for_others_makes_no_job_overdue(ledger: Ledger, engine: Engine) -> None:
    ledger.add_run(ledger.add_job(), available_at=func.now() - 2 * MINUTE, held=True)
    assert overdue(engine) == 0


@pytest.mark.parametrize(
    ("scope", "target"),
    [("job", "test/job"), ("queue", "q1"), ("namespace", "test"), ("tag", "nightly")],
)
def test_a_pause_of_any_scope_pauses_the_jobs_it_covers(
    scope: str, target: str, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job(queue="q1", tags=["nightly"])
    assert scraped(engine).value(names.PAUSED.name, job="test/job") == 0
    with transaction(engine) as connection:
        pause(connection, scope, target, reason="", paused_by="ada", until=None)  # type: ignore[arg-type]  # one of the scopes
    assert scraped(engine).value(names.PAUSED.name, job="test/job") == 1


def test_a_queue_tells_its_depth_its_oldest_and_what_runs(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    ledger.claim(ledger.add_run(job_id))
    for minutes in (3, 1):
        ago = func.now() - minutes * MINUTE
        ledger.add_run(job_id, available_at=ago, sent_at=ago)
    found = scraped(engine)
    assert found.value(names.RUNNING.name, queue="default") == 1
    assert found.value(names.DEPTH.name, queue="default") == 2
    assert found.value(names.OLDEST.name, queue="default") == pytest.approx(180, abs=5)


def test_an_empty_queue_of_a_job_has_depth_and_age_zero(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job(queue="q1")
    found = scraped(engine)
    assert found.value(names.DEPTH.name, queue="q1") == 0
    assert found.value(names.OLDEST.name, queue="q1") == 0


def test_workers_and_beats_are_told_by_their_signs_of_life(engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "worker")
        sign_in(connection, "beat")
        connection.execute(
            insert(tables.processes).values(
                id=uuid.uuid4(),
                kind="worker",
                name="gone",
                host="h",
                pid=1,
                version="1",
                last_seen_at=func.now() - MINUTE,
            )
        )
    found = scraped(engine)
    assert found.value(names.WORKERS.name) == 1
    assert found.value(names.LAST_TICK.name) == pytest.approx(now().timestamp(), abs=10)


def add_watcher(engine: Engine, config: str) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "watch", details={"config": config, "project": "test"})


@pytest.mark.parametrize(("config", "value"), [("in_force", 1), ("refused", 1), ("invalid", 0)])
def test_files_with_mistakes_make_the_configuration_invalid(
    config: str, value: int, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job()
    add_watcher(engine, config)
    assert scraped(engine).value(names.VALID.name, project="test") == value


def test_nothing_is_said_of_files_that_nobody_watches(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    assert scraped(engine).value(names.VALID.name, project="test") is None


def test_jobs_of_programs_have_no_configuration(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    with transaction(engine) as connection:
        connection.execute(insert(tables.projects).values(name=":api"))
        sign_in(connection, "watch", details={"config": "in_force", "project": ""})
    found = scraped(engine)
    assert found.value(names.DRIFT.name, project=":api") is None
    assert found.value(names.VALID.name, project="test") == 1


def test_a_plan_that_waits_is_drift(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO jobrunner.pending_plans (project_id, digest, plan, reason, made_by)"
                " SELECT id, '', CAST(:plan AS jsonb), '', '' FROM jobrunner.projects"
            ),
            {"plan": json.dumps({"changes": [{}, {}]})},
        )
    assert scraped(engine).value(names.DRIFT.name, project="test") == 2


def test_messages_that_wait_to_be_sent_are_counted_by_notifier(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = ledger.add_job()
    with engine.begin() as connection:
        put_notifiers(connection, oncall="", quiet="")
        project_id = connection.execute(select(tables.projects.c.id)).scalar_one()
        incident_id = connection.execute(
            insert(tables.incidents)
            .values(job_id=job_id, kind="failure", last_at=NOON, last_scheduled_for=NOON)
            .returning(tables.incidents.c.id)
        ).scalar_one()
        one = {"incident_id": incident_id, "project_id": project_id, "notifier": "oncall"}
        waits = {**one, "event": "opened", "message": {}, "next_try_at": func.now()}
        connection.execute(insert(tables.notifications).values([waits, waits]))
        connection.execute(
            insert(tables.notifications).values(**{**waits, "next_try_at": None, "sent_at": NOON})
        )
    found = scraped(engine)
    assert found.value(names.ALERTS_UNSENT.name, project="test", notifier="oncall") == 2
    assert found.value(names.ALERTS_UNSENT.name, project="test", notifier="quiet") == 0


def test_the_version_is_told(engine: Engine) -> None:
    assert scraped(engine).labels(names.BUILD.name) == {frozenset({"version"})}


def test_jobs_of_another_namespace_are_in_no_figure_of_runs(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    ledger.end_run(ledger.add_run(job_id), "succeeded")
    found = scraped(engine, namespaces=["other"])
    assert "test/job" not in found.text
    assert 'queue="default"' not in found.text


def test_fault_86_there_are_never_more_series_than_allowed_and_what_is_cut_is_told(
    ledger: Ledger, engine: Engine
) -> None:
    for number in range(60):
        job_id = ledger.add_job(name=f"job-{number:02}")
        ledger.end_run(ledger.add_run(job_id), "succeeded")
    whole, cut = scraped(engine), scraped(engine, series_max=100)
    assert whole.value(names.CUT.name) == 0
    assert len(cut.series) == 100
    assert cut.value(names.CUT.name) == len(whole.series) - 100


def test_fault_86_the_same_series_are_left_out_each_time(ledger: Ledger, engine: Engine) -> None:
    for number in range(60):
        job_id = ledger.add_job(name=f"job-{number:02}")
        ledger.end_run(ledger.add_run(job_id), "succeeded")
    first = scraped(engine, series_max=100)
    with transaction(engine) as connection:
        count_ended(connection, limit=17)
    assert scraped(engine, series_max=100).series.keys() == first.series.keys()


def test_what_is_wrong_is_told_before_what_is_cut(ledger: Ledger, engine: Engine) -> None:
    for number in range(120):
        ledger.add_job(name=f"job-{number:03}")
    ledger.add_run(ledger.add_job(name="zz"), available_at=func.now() - 2 * MINUTE)
    found = scraped(engine, series_max=100)
    assert found.value(names.OVERDUE.name, job="test/zz") == 1
    assert found.value(names.OVERDUE.name, job="test/job-119") is None


def test_fault_86_a_message_or_a_worker_makes_no_label(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    with transaction(engine) as connection:
        sign_in(connection, "worker", name="w@made-up", details={"queues": ["made-up"]})
    assert "made-up" not in scraped(engine).text


_HOSTILE = st.text(alphabet='"\\\n{}=,é \t', min_size=1, max_size=12)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(error_type=_HOSTILE)
def test_fault_76_a_label_is_escaped_whatever_its_text(
    ledger: Ledger, engine: Engine, error_type: str
) -> None:
    job_id = ledger.add_job(name=f"job-{uuid.uuid4().hex[:8]}")
    with engine.begin() as connection:
        connection.execute(
            insert(tables.error_totals).values(
                job_id=job_id, queue="default", error_type=error_type, attempts=1
            )
        )
    found = scraped(engine, celery_names=True)
    told = {dict(labels).get("error_type") for _, labels in found.series}
    assert error_type in told


def by_celery_names(ledger: Ledger, engine: Engine) -> Scraped:
    job_id = ledger.add_job()
    for state in ("succeeded", "failed", "lost", "expired", "skipped"):
        ledger.add_run(
            job_id,
            state=state,
            attempt=1,
            available_at=NOON,
            started_at=NOON,
            finished_at=NOON + MINUTE,
        )
    with transaction(engine) as connection:
        count_ended(connection, limit=10)
    return scraped(engine, celery_names=True)


def test_the_names_of_celery_dashboards_tell_the_same_runs(ledger: Ledger, engine: Engine) -> None:
    found = by_celery_names(ledger, engine)
    tasks = names.CELERY_TASKS.name
    assert found.value(tasks, queue="default", status="success") == 1
    assert found.value(tasks, queue="default", status="failure") == 2
    assert found.value(tasks, queue="default", status="revoked") == 1
    duration = f"{names.CELERY_DURATION.name}_count"
    assert found.value(duration, queue="default", task="test/job") == 5


def test_the_names_of_celery_dashboards_are_off_by_default(ledger: Ledger, engine: Engine) -> None:
    by_celery_names(ledger, engine)
    assert "celery_" not in scraped(engine).text
