"""The least that has to be done for a burst, without the product: the yardstick of `burst`.

As a program (`python -m benchmarks.limit DATABASE_URL BROKER_URL`) it waits for what is due first and
then does what a tick has to, over the product's own tables: claim, advance, insert, note the batch,
commit, push, forget the batch, commit.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2

from benchmarks.onlooker import connect_to_broker

BATCH = 1_000
QUEUE_KEY = "default\x06\x169"
_PUSH_AT_ONCE = 500
_STAY_SECONDS = 60.0
"""Whoever has started it ends it, as a scheduler."""

_FIRE = """
    WITH due AS (
        SELECT s.id, s.job_id, s.next_scheduled_for, j.definition_id, j.queue
          FROM jobrunner.schedules AS s
          JOIN jobrunner.jobs AS j ON j.id = s.job_id
         WHERE s.next_run_at <= statement_timestamp()
         ORDER BY s.next_run_at
         LIMIT %(batch)s
           FOR NO KEY UPDATE OF s SKIP LOCKED
    ), advanced AS (
        UPDATE jobrunner.schedules AS s
           SET next_scheduled_for = s.next_scheduled_for + interval '1 day',
               next_run_at = s.next_run_at + interval '1 day', last_run_at = s.next_scheduled_for,
               total_run_count = s.total_run_count + 1
          FROM due WHERE s.id = due.id
    ), fired AS (
        INSERT INTO jobrunner.runs
               (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, queue,
                available_at, sent_at)
        SELECT gen_random_uuid(), job_id, id, definition_id, 'schedule', next_scheduled_for, 'queued',
               queue, statement_timestamp(), statement_timestamp()
          FROM due
            ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO jobrunner.outbox (sent_at, run_ids)
    SELECT statement_timestamp(), array_agg(id) FROM fired HAVING count(*) > 0
    RETURNING id, CAST(run_ids AS text[])
"""
_FORGET = "DELETE FROM jobrunner.outbox WHERE id = %(id)s"


def pushes_a_second(broker_url: str, *, messages: int) -> float:
    """Messages by pipelined LPUSH of many values, already serialised."""
    client = connect_to_broker(broker_url)
    ready = [_message(str(uuid.uuid4())) for _ in range(messages)]
    return messages / _seconds(lambda: _push(client, ready))


def inserts_a_second(database_url: str, *, rows: int) -> float:
    """Runs by set-based INSERT … FROM unnest, one commit a batch, for the schedules that are there."""
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CAST(id AS text), CAST(job_id AS text) FROM jobrunner.schedules LIMIT %s",
            (rows,),
        )
        schedules = cursor.fetchall()
    connection.commit()
    seconds = _seconds(lambda: _insert_all(connection, schedules))
    connection.close()
    return len(schedules) / seconds


def fire(database_url: str, broker_url: str) -> None:
    """Once, from the next due second on, until nothing is due."""
    connection = psycopg2.connect(database_url)
    client = connect_to_broker(broker_url)
    client.ping()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM min(next_run_at)) FROM jobrunner.schedules")
        due_at = float(cursor.fetchall()[0][0])
        connection.commit()
        time.sleep(max(0.0, due_at - time.time()))
        while _fire_batch(connection, cursor, client):
            pass
    time.sleep(_STAY_SECONDS)


def _fire_batch(connection: Any, cursor: Any, client: Any) -> bool:
    cursor.execute(_FIRE, {"batch": BATCH})
    batch = cursor.fetchone()
    connection.commit()
    if batch is None:
        return False
    _push(client, [_message(run_id) for run_id in batch[1]])
    cursor.execute(_FORGET, {"id": batch[0]})
    connection.commit()
    return True


_INSERT_RUNS = """
    INSERT INTO jobrunner.runs
           (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, queue, available_at)
    SELECT id, job_id, schedule_id, 1, 'schedule', now(), 'queued', 'default', now()
      FROM unnest(CAST(%s AS uuid[]), CAST(%s AS uuid[]), CAST(%s AS uuid[])) AS new (id, job_id, schedule_id)
"""


def _insert_all(connection: Any, schedules: Sequence[tuple[str, str]]) -> None:
    with connection.cursor() as cursor:
        for start in range(0, len(schedules), BATCH):
            batch = schedules[start : start + BATCH]
            ids = [str(uuid.uuid4()) for _ in batch]
            cursor.execute(
                _INSERT_RUNS, (ids, [job for _, job in batch], [own for own, _ in batch])
            )
            connection.commit()


def _push(client: Any, messages: Sequence[str]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for start in range(0, len(messages), _PUSH_AT_ONCE):
            pipe.lpush(QUEUE_KEY, *messages[start : start + _PUSH_AT_ONCE])
        pipe.execute()


def _message(run_id: str) -> str:
    """As long as a real one."""
    return _TEMPLATE.replace("RUN-ID", run_id)


_TEMPLATE = json.dumps(
    {
        "body": '[[1, "RUN-ID"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": "jobrunner.execute",
            "id": "RUN-ID",
            "shadow": "bench/timed-1234",
            "eta": None,
            "expires": None,
            "group": None,
            "group_index": None,
            "retries": 0,
            "timelimit": [3600.0, None],
            "root_id": "RUN-ID",
            "parent_id": None,
            "argsrepr": "()",
            "kwargsrepr": "{}",
            "origin": "jobrunner@host",
            "ignore_result": True,
            "replaced_task_nesting": 0,
            "stamped_headers": None,
            "stamps": {},
        },
        "properties": {
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "default"},
            "priority": 9,
            "body_encoding": "base64",
            "delivery_tag": "RUN-ID",
        },
    }
)


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    fire(sys.argv[1], sys.argv[2])
