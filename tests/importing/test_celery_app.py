"""A Celery app's beat_schedule, read from a process of its own."""

import os
import select
from contextlib import suppress
from pathlib import Path

import pytest

from jobrunner.errors import JobrunnerError
from jobrunner.importing.celery_app import As, celery_entries, load_beat_schedule
from jobrunner.importing.entries import Job, Left
from tests.importing.reading import read_back, result_of
from tests.waiting import wait_until
from tests.worker.conftest import is_gone

APP = """\
from datetime import datetime, timedelta, timezone
from celery import Celery
from celery.schedules import crontab, schedule, solar

print("said while it is imported")
app = Celery("acme", broker="redis://nowhere", backend="db+sqlite://")
app.conf.timezone = "Europe/Berlin"


@app.task(name="acme.report")
def report(region): ...


app.conf.beat_schedule = {
    "Nightly": {
        "task": "acme.report",
        "schedule": crontab(minute=30, hour={2, 3}),
        "kwargs": {"region": "${eu}"},
        "options": {"queue": "reports", "priority": 3, "expires": 600, "time_limit": 60, "link": app},
    },
    "plain": {"task": "other.poll", "schedule": 30.0, "args": (1,)},
    "delta": {"task": "other.poll", "schedule": timedelta(days=1), "relative": True},
    "sun": {"task": "other.poll", "schedule": solar("sunrise", 52.5, 13.4)},
    "clock": {
        "task": "other.poll",
        "schedule": crontab(minute=0, nowfun=datetime.now),
        "options": {"expires": datetime(2027, 1, 1, tzinfo=timezone.utc)},
    },
    "no json": {"task": "other.poll", "schedule": 60, "args": (object(),)},
    "own": {"task": "other.poll", "schedule": type("Own", (schedule,), {})(60)},
    "no schedule": {"task": "other.poll"},
    "wrong": {"tusk": "other.poll", "schedule": 60},
}


@app.on_after_finalize.connect
def add_more(sender, **_):
    sender.add_periodic_task(crontab(hour=4, minute=0), report.s("us"), name="added")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.py").write_text(APP, encoding="utf-8")
    return tmp_path


def read(folder: Path, write_as: As = "celery_task") -> dict[str, Job | Left]:
    """The entries by the name that they have there."""
    told = load_beat_schedule("acme:app", folder=folder)
    entries = celery_entries(told, "acme:app", write_as=write_as, machine="UTC")
    return {entry.where.split("'")[1]: entry for entry in entries if isinstance(entry, Job | Left)}


def test_every_entry_of_beat_is_a_job_or_told_of(folder: Path) -> None:
    entries = read(folder)
    left = {name: entry.reason for name, entry in entries.items() if isinstance(entry, Left)}
    jobs = {name: entry.schedule for name, entry in entries.items() if isinstance(entry, Job)}
    assert jobs == {
        "Nightly": {"cron": "30 2,3 * * *", "timezone": "Europe/Berlin"},
        "plain": {"every": "30s"},
        "delta": {"cron": "0 0 * * *", "timezone": "Europe/Berlin"},
        "sun": {"solar": {"event": "sunrise", "latitude": 52.5, "longitude": 13.4}},
        "clock": {
            "cron": "0 * * * *",
            "timezone": "Europe/Berlin",
            "end_at": "2027-01-01T00:00:00Z",
        },
        "added": {"cron": "0 4 * * *", "timezone": "Europe/Berlin"},
        "celery.backend_cleanup": {"cron": "0 4 * * *", "timezone": "Europe/Berlin"},
    }
    assert {*left} == {"no json", "own", "no schedule", "wrong"}
    assert "cannot be said in JSON" in left["no json"]
    assert "a schedule of its own kind" in left["own"]
    assert left["no schedule"] == "it has no schedule"
    assert "beat itself cannot read it" in left["wrong"]


def test_options_are_keys_or_notes(folder: Path) -> None:
    job = read(folder)["Nightly"]
    assert isinstance(job, Job)
    assert job.keys == {
        "celery_task": "acme.report",
        "kwargs": {"region": "${eu}"},
        "expires": "10m",
        "priority": 6,
        "queue": "reports",
    }
    assert [note.partition(" ")[0] for note in job.notes] == ["option", "priority", "option"]
    assert job.notes[0].startswith("option link=<Celery acme")
    assert job.notes[2] == "option time_limit=60 has no key here and is not taken"


def test_as_task_names_the_function_where_the_app_has_it(folder: Path) -> None:
    entries = read(folder, "task")
    nightly, plain = entries["Nightly"], entries["plain"]
    assert isinstance(nightly, Job)
    assert isinstance(plain, Job)
    assert (nightly.keys["task"], nightly.keys["timeout"]) == ("acme.report", "1m")
    assert plain.keys["celery_task"] == "other.poll"
    assert "it stays a celery_task" in plain.notes[1]


def test_what_is_written_can_be_read(folder: Path) -> None:
    jobs = [entry for entry in read(folder).values() if isinstance(entry, Job)]
    specs = read_back(result_of(jobs, "beat"))
    assert len(specs) == len(jobs)
    assert specs["nightly"].kwargs == {"region": "${eu}"}


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("raise ValueError('no luck')", "no luck"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import sys; sys.exit(0)", "exit code 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed"),
    ],
)
def test_an_app_that_cannot_be_loaded_is_told_of(tmp_path: Path, module: str, part: str) -> None:
    (tmp_path / "broken.py").write_text(module, encoding="utf-8")
    with pytest.raises(JobrunnerError, match=part):
        load_beat_schedule("broken", folder=tmp_path)


def test_fault_40_an_app_that_hangs_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    module = (
        "import subprocess\n"
        f"subprocess.run(['sh', '-c', 'setsid sh -c \"echo a; exec sleep 100\" > {pipe} & wait'])\n"
    )
    (tmp_path / "hangs.py").write_text(module, encoding="utf-8")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(JobrunnerError, match="was not loaded within 5 seconds"):
            load_beat_schedule("hangs", folder=tmp_path, time_limit_seconds=5)
        assert os.read(reader, 9) == b"a\n"
        assert select.select([reader], [], [], 10)[0] == [reader]
        assert os.read(reader, 9) == b""  # its writer is gone
    finally:
        os.close(reader)


@pytest.mark.parametrize("end", ["", "raise ValueError('no luck')\n"])
def test_an_app_that_has_started_a_daemon_is_not_waited_for_and_leaves_none(
    tmp_path: Path, end: str
) -> None:
    pid = tmp_path / "pid"
    daemon = f"setsid sleep 100 & echo $! > {pid}"
    module = f"import celery, subprocess\napp = celery.Celery()\nsubprocess.run({daemon!r}, shell=True)\n"
    (tmp_path / "forks.py").write_text(module + end, encoding="utf-8")
    with suppress(JobrunnerError):
        load_beat_schedule("forks", folder=tmp_path, time_limit_seconds=60)
    wait_until(lambda: is_gone(int(pid.read_text(encoding="utf-8"))))
