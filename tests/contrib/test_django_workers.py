"""A Django project's code in jobrunner's processes: set up before it is imported, with live connections."""

import shutil

import pytest
from sqlalchemy import Engine, text

from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker, ledger, send, start_worker

__all__ = ["ledger", "send", "start_worker"]

SETTINGS = """
from jobrunner.contrib.django import database_from_environment

INSTALLED_APPS = ["jobrunner.contrib.django", "shop"]
DATABASES = {"default": {**database_from_environment(), "CONN_MAX_AGE": 600}}
USE_TZ = True
"""
MODELS = """
from django.db import models


class Order(models.Model):
    state = models.TextField()

    class Meta:
        db_table = "shop_orders"
"""
TASKS = """
from asgiref.sync import sync_to_async
from django.db import connection

from shop.models import Order


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def add():
    Order.objects.create(state="added")
    return backend()


async def add_async():
    await Order.objects.acreate(state="added")
    return await sync_to_async(backend)()


def cleaned():
    Order.objects.create(state="cleaned")
"""


@pytest.fixture
def folder(project: Project, engine: Engine) -> Project:
    """A Django project whose tasks write orders."""
    write_site(project)
    project.environment["DJANGO_SETTINGS_MODULE"] = "site_settings"
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE shop_orders (id bigserial, state text)"))
    return project


def write_site(project: Project, below: str = "") -> None:
    project.write(f"{below}site_settings.py", SETTINGS)
    project.write(f"{below}shop/__init__.py", "")
    project.write(f"{below}shop/models.py", MODELS)
    project.write(f"{below}shop/tasks.py", TASKS)
    project.write(f"{below}jobrunner.yaml", "project: shop\n")
    project.write(
        f"{below}jobs.d/shop.yaml", "namespace: shop\njobs:\n  add: {task: shop.tasks.add}\n"
    )


def states(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.scalars(text("SELECT state FROM shop_orders ORDER BY id")))


def drop_connection(engine: Engine, backend: int) -> None:
    """As a restart of the server or a firewall does it."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})


def result(ledger: Ledger, send: Send, task: str, **spec: object) -> int:
    run_id = send(task, **spec)
    wait_until(lambda: ledger.run(run_id)["finished_at"] is not None)
    assert ledger.run(run_id)["error"] is None
    return int(ledger.run(run_id)["result"])


@pytest.mark.parametrize("task", ["shop.tasks.add", "shop.tasks.add_async"])
def test_a_run_works_after_the_database_has_dropped_the_connection_of_the_last(
    start_worker: StartWorker, send: Send, ledger: Ledger, engine: Engine, task: str
) -> None:
    start_worker("-c", "1")
    drop_connection(engine, result(ledger, send, task))
    result(ledger, send, task)
    result(ledger, send, task, isolate=True)
    assert states(engine) == ["added", "added", "added"]


def test_an_on_end_uses_the_models_in_its_own_process(
    start_worker: StartWorker, send: Send, ledger: Ledger, engine: Engine
) -> None:
    start_worker("-c", "1")
    result(ledger, send, "shop.tasks.add", on_end="shop.tasks.cleaned")
    wait_until(lambda: states(engine) == ["added", "cleaned"])


def test_the_settings_are_found_beside_the_project_file_wherever_the_worker_starts(
    folder: Project, start_worker: StartWorker, send: Send, ledger: Ledger, engine: Engine
) -> None:
    shutil.rmtree(folder.path / "shop")
    (folder.path / "site_settings.py").unlink()
    write_site(folder, below="site/")
    folder.environment["JOBRUNNER_CONFIG"] = "site/jobrunner.yaml"
    start_worker("-c", "1")
    result(ledger, send, "shop.tasks.add")
    assert states(engine) == ["added"]


def test_a_run_in_this_process_uses_the_models(folder: Project, engine: Engine) -> None:
    ended = folder.run("run", "shop/add", "--local")
    assert ended.returncode == 0, ended.stderr
    assert states(engine) == ["added"]


def test_manage_py_runs_a_job_here(folder: Project, engine: Engine) -> None:
    command = folder.start_program("python", "-m", "django", "run_job", "shop/add", "--local")
    assert command.wait(timeout_seconds=60) == 0, command.output
    assert states(engine) == ["added"]


def test_manage_py_passes_words_and_exit_codes_to_jobrunner(folder: Project) -> None:
    known = folder.start_program("python", "-m", "django", "jobrunner", "render", "shop/add")
    assert known.wait(timeout_seconds=60) == 0, known.output
    assert "task: shop.tasks.add" in known.output
    wrong = folder.start_program("python", "-m", "django", "jobrunner", "no-such-command")
    assert wrong.wait(timeout_seconds=60) == 64


def test_tasks_are_checked_by_importing_them(folder: Project) -> None:
    ended = folder.run("validate", "--check-tasks", "import")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_settings_that_cannot_be_read_are_named_by_the_import_check(folder: Project) -> None:
    folder.write("site_settings.py", "raise RuntimeError('no such region')\n")
    ended = folder.run("validate", "--check-tasks", "import")
    assert ended.returncode == 1
    assert "setting Django up failed with RuntimeError: no such region" in ended.stdout
