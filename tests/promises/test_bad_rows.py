"""A schedule that was spoiled by hand stops nothing else, is shown, is tried again, and heals."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from jobrunner.dispatch import dispatch_due
from tests.project import Project
from tests.promises.bad_rows import errors, execute, spoil
from tests.seeding import NOON, AddJob, Broker

MINUTE = timedelta(minutes=1)
GOOD = {"name": "s0", "every": "1h"}
SPOILED_SPECS: dict[str, object] = {
    "no mapping": [1, 2],
    "null": None,
    "a bare word": "0 6 * * *",
    "nothing in it": {},
    "a rule of the wrong type": {"name": "s0", "every": {"hours": 1}},
    "a number where words belong": {"name": 5, "cron": 6},
    "an expression that is none": {"name": "s0", "cron": "nonsense"},
    "an expression that never matches": {"name": "s0", "cron": "0 0 30 2 *"},
    "a recurrence rule that is none": {"name": "s0", "rrule": "FREQ=SOMETIMES"},
    "two rules": {**GOOD, "cron": "0 6 * * *"},
    "an unknown zone": {"name": "s0", "cron": "0 6 * * *", "timezone": "Mars/Olympus"},
    "a zone that is a path": {"name": "s0", "cron": "0 6 * * *", "timezone": "/etc/passwd"},
    "a key of a newer version": {**GOOD, "from_the_future": True},
    "a jitter below zero": {**GOOD, "jitter": "-5m"},
    "a jitter below zero, as it is stored": {**GOOD, "jitter": "-PT5M"},
    "an interval of nothing": {"name": "s0", "every": "0s"},
    "an interval of longer than time": {"name": "s0", "every": "P999999999999D"},
    "an excluded day that is none": {**GOOD, "exclude": ["2026-02-30"]},
}


@pytest.mark.parametrize("kind", SPOILED_SPECS)
def test_a_spoiled_spec_stops_no_other_and_heals_within_a_minute_of_its_mending(
    engine: Engine, add_job: AddJob, broker: Broker, kind: str
) -> None:
    bad, good = add_job("bad", overlap="allow"), add_job("good", overlap="allow")
    spoil(engine, "bad", SPOILED_SPECS[kind])

    dispatch_due(engine, broker.send, now=NOON)

    assert [message.address for message in broker.sent] == [good.address]
    assert list(errors(engine)) == ["bad"]
    spoil(engine, "bad", GOOD)
    dispatch_due(engine, broker.send, now=NOON + MINUTE)
    assert [message.address for message in broker.sent] == [good.address, bad.address]
    assert errors(engine) == {}


def test_a_spoiled_spec_is_tried_each_minute_and_not_more_often(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job()
    spoil(engine, "job", {"name": "s0", "cron": "nonsense"})

    tried = [
        dispatch_due(engine, broker.send, now=NOON + second * timedelta(seconds=1))
        for second in range(181)
    ]

    assert [second for second, due in enumerate(tried) if due] == [0, 60, 120, 180]
    assert broker.sent == []


def test_spoiled_schedules_are_shown_everywhere_and_an_apply_mends_them(
    project: Project, engine: Engine, broker: Broker
) -> None:
    names = {f"bad-{n}": spec for n, spec in enumerate(SPOILED_SPECS.values())}
    jobs = {name: {"task": "work.nothing", "schedule": {"every": "1h"}} for name in names}
    good = {"good": {"task": "work.nothing", "schedule": {"every": "1h"}}}
    project.write("work.py", "def nothing() -> None:\n    pass\n")
    project.write(
        "jobs.d/promise.yaml",
        json.dumps({"version": 1, "namespace": "promise", "jobs": {**jobs, **good}}),
    )
    assert project.call("apply", "--yes").returncode == 0
    for name, spec in names.items():
        spoil(engine, name, spec)
    execute(
        engine,
        "UPDATE jobrunner.schedules SET next_run_at = now() - interval '1 s',"
        " next_scheduled_for = now() - interval '1 s'",
    )

    dispatch_due(engine, broker.send)

    assert [message.address for message in broker.sent] == ["promise/good"]
    status, listed = project.call("status"), project.call("list")
    assert (status.returncode, listed.returncode) == (1, 0)
    for name in names:
        assert f"promise/{name}" in status.stdout + listed.stdout
    assert "in error" in status.stdout + listed.stdout
    shown = project.call("get", "promise/bad-6")
    assert shown.returncode == 0
    assert "nonsense" in shown.stdout
    for told in (status, listed, shown):
        assert "Traceback" not in told.stdout + told.stderr
    mended = project.call("apply", "--yes")
    assert mended.returncode == 0, mended.stderr
    assert errors(engine) == {}
