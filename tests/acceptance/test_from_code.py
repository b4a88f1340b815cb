"""A program with its own database session triggers a job; beat and worker do the rest."""

import sys

from tests.project import Project

TASK = """\
import jobrunner


def confirm(order: int) -> str:
    with jobrunner.phase("print"):
        print(f"order {order}", flush=True)
    jobrunner.progress(50, "printed")
    if jobrunner.current_run().attempt == 1:
        raise ConnectionError("no printer")
    return f"confirmed {order}"
"""
JOBS = """\
version: 1
namespace: shop
jobs:
  confirm:
    task: shop.confirm
    overlap: allow
    retry: {max_retries: 1, delay: 1s, jitter: false}
"""
PROGRAM = """\
import os
from celery import Celery
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

import jobrunner

url = make_url(os.environ["JOBRUNNER_DATABASE_URL"]).set(drivername="postgresql+psycopg")
engine = create_engine(url)
with Session(engine) as session:
    session.execute(text("CREATE TABLE orders (id int)"))
    session.commit()
    session.execute(text("INSERT INTO orders VALUES (7)"))
    jobrunner.trigger("shop/confirm", {"order": 7}, session=session)
    session.rollback()
    session.execute(text("INSERT INTO orders VALUES (8)"))
    run = jobrunner.trigger("shop/confirm", {"order": 8}, session=session, request_id="8")
    session.commit()
app = Celery("theirs", backend="jobrunner://")
print(run.run_id)
print(app.AsyncResult(str(run.run_id)).get(timeout=30, interval=0.1))
"""


def test_a_run_exists_with_the_callers_data_and_its_result_comes_back(project: Project) -> None:
    project.write("jobrunner.yaml", "version: 1\nproject: shop\n")
    project.write("jobs.d/shop.yaml", JOBS)
    project.write("shop.py", TASK)
    program = project.write("program.py", PROGRAM)
    applied = project.run("apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    project.start("beat")
    project.start("worker", "-c", "1").wait_for_line("ready")
    told = project.start_program(sys.executable, str(program))
    assert told.wait(timeout_seconds=40) == 0, told.output
    run_id, result = told.lines
    assert result == "confirmed 8"
    followed = project.run("runs", "logs", run_id, "-f")
    assert (followed.returncode, followed.stdout) == (0, "order 8\norder 8\n")
    shown = project.run("runs", "show", run_id).stdout
    assert "50 %  printed" in shown
    assert "print  " in shown
    assert len(project.run("runs", "list", "shop/confirm").stdout.splitlines()) == 2
