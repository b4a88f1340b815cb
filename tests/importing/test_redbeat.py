"""The keys of redbeat 2.4, written as its own encoder writes them: each is a job, or told of."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from jobrunner.errors import BrokerUnavailable, UsageError
from jobrunner.importing.entries import Job, Left
from jobrunner.importing.redbeat import read_redbeat, redbeat_entries
from tests.importing.reading import read_back, result_of

LAST_RUN = (
    '{"last_run_at": {"__type__": "datetime", "year": 2026, "month": 11, "day": 1, "hour": 10, '
    '"minute": 3, "second": 7, "microsecond": 0, "timezone": 0.0}}'
)
CRONTAB = (
    '{"name": "Nightly", "task": "acme.tasks.report", "args": [1], "kwargs": {"region": "eu"}, '
    '"options": {"queue": "reports", "priority": 3}, "schedule": {"__type__": "crontab", '
    '"minute": "30", "hour": "2", "day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}, '
    '"enabled": true}'
)
INTERVAL = (
    '{"name": "poll", "task": "acme.tasks.poll", "args": null, "kwargs": {}, "options": {}, '
    '"schedule": {"__type__": "interval", "every": 600.0, "relative": false}, "enabled": false}'
)
RULE = (
    '{"name": "rule", "task": "acme.tasks.rule", "args": null, "kwargs": {}, "options": {}, '
    '"schedule": {"__type__": "rrule", "freq": 2, "interval": 1, "wkst": null, "count": null, '
    '"bysetpos": null, "bymonth": null, "bymonthday": null, "byyearday": null, "byeaster": null, '
    '"byweekno": null, "byweekday": [0, {"__type__": "weekday", "wkday": 4}], "byhour": null, '
    '"byminute": null, "bysecond": null, "dtstart": 1793608200, "dtstart_tz": 60.0}, "enabled": true}'
)


@pytest.fixture
def redis(broker_url: str) -> Iterator[Redis]:
    """The test's own, with keys as redbeat leaves them."""
    path, _, host = broker_url.removeprefix("redis+socket://").partition("?virtual_host=")
    client = Redis(unix_socket_path=path, db=int(host))
    with client:
        client.zadd("redbeat::schedule", {"redbeat:Nightly": 1})
        client.sadd("redbeat::statics", "Nightly")
        client.set("redbeat::lock", "beat-1")
        client.hset("redbeat:Nightly", mapping={"definition": CRONTAB, "meta": LAST_RUN})
        yield client


def entries_of(broker_url: str) -> list[Job | Left]:
    """What is read from Redis; the app's zone is Berlin's."""
    found = [*redbeat_entries(read_redbeat(broker_url), "Europe/Berlin")]
    return [entry for entry in found if isinstance(entry, Job | Left)]


def test_a_crontab_is_a_job_and_redbeats_own_keys_are_none(redis: Redis, broker_url: str) -> None:
    (job,) = entries_of(broker_url)
    assert redis.dbsize() == 4
    assert isinstance(job, Job)
    assert job.schedule == {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    assert job.keys == {
        "celery_task": "acme.tasks.report",
        "args": [1],
        "kwargs": {"region": "eu"},
        "queue": "reports",
    }
    assert [note.split(":")[0] for note in job.notes] == ["priority 3 is not taken"]


def test_an_interval_tells_its_phase_and_that_it_is_disabled(redis: Redis, broker_url: str) -> None:
    redis.flushdb()
    redis.hset("redbeat:poll", mapping={"definition": INTERVAL, "meta": LAST_RUN})
    (job,) = entries_of(broker_url)
    assert isinstance(job, Job)
    assert job.schedule == {"every": "10m"}
    assert 'anchor: "2026-11-01T10:03:07Z" keeps its phase' in job.notes[1]
    assert job.notes[2] == "it is disabled there, too"


def test_a_rule_is_a_recurrence_rule(redis: Redis, broker_url: str) -> None:
    redis.flushdb()
    redis.hset("redbeat:rule", mapping={"definition": RULE})
    (job,) = entries_of(broker_url)
    assert isinstance(job, Job)
    assert job.schedule["rrule"] == "FREQ=WEEKLY;BYDAY=MO,FR"
    assert job.notes[1].startswith("it has never run there: redbeat runs such an entry at once")
    result = result_of([job], "redbeat")
    assert result.jobs[0].comparison.is_same
    assert [*read_back(result)] == ["rule"]


@pytest.mark.parametrize(
    "definition",
    [
        "[", "[]", "{}", '"a"', "null", '{"name": "a", "task": "b", "schedule": {}}',
        '{"name": "a", "task": "b", "schedule": {"__type__": "mine"}}',
        '{"name": "a", "task": null, "schedule": {"__type__": "interval", "every": 9}}',
        '{"name": "a", "task": "b", "args": 3, "schedule": {"__type__": "interval", "every": 9}}',
        '{"name": "a", "task": "b", "schedule": {"__type__": "rrule", "freq": 99, "dtstart": 0}}',
        '{"name": "a", "task": "b", "options": [], "schedule": {"__type__": "rrule", "freq": 1}}',
    ],
)  # fmt: skip
def test_any_other_definition_is_left_with_its_reason(
    redis: Redis, broker_url: str, definition: str
) -> None:
    redis.flushdb()
    redis.hset("redbeat:odd", mapping={"definition": definition})
    (left,) = entries_of(broker_url)
    assert isinstance(left, Left)
    assert left.where == "redbeat:odd"


def test_a_key_of_another_kind_is_left(redis: Redis, broker_url: str) -> None:
    redis.flushdb()
    redis.set("redbeat:odd", "1")
    assert entries_of(broker_url) == [
        Left("redbeat:odd", "a string", "it holds no definition of redbeat's")
    ]


def test_a_prefix_is_taken_as_it_is(redis: Redis, broker_url: str) -> None:
    redis.hset("a*[b:Nightly", mapping={"definition": CRONTAB})
    assert [found.key for found in read_redbeat(broker_url, "a*[b:")] == ["a*[b:Nightly"]


def test_nothing_is_written(redis: Redis, broker_url: str) -> None:
    before: dict[str, Any] = redis.info("commandstats")
    entries_of(broker_url)
    after: dict[str, Any] = redis.info("commandstats")
    used = {name for name in after if after[name] != before.get(name)}
    assert used - {"cmdstat_info"} <= {
        "cmdstat_scan", "cmdstat_type", "cmdstat_hmget", "cmdstat_select", "cmdstat_client|setinfo",
        "cmdstat_client|maint_notifications", "cmdstat_hello",
    }  # fmt: skip


def test_a_wrong_url_and_a_silent_server_are_told_of() -> None:
    with pytest.raises(UsageError, match="The Redis URL cannot be read"):
        read_redbeat("postgresql://secret@a")
    with pytest.raises(BrokerUnavailable, match="Redis cannot be read"):
        read_redbeat("redis://127.0.0.1:1")


def test_the_definitions_here_are_json() -> None:
    assert all(isinstance(json.loads(one), dict) for one in (CRONTAB, INTERVAL, RULE, LAST_RUN))
