"""Schedules in the tables of other schedulers: read, and never written."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from jobrunner.db.engine import sqlstate
from jobrunner.errors import NotFound

_NO_TABLE, _NO_COLUMN, _NO_SCHEMA = "42P01", "42703", "3F000"


@dataclass(frozen=True, slots=True)
class DjangoTask:
    """A row of django-celery-beat's periodic tasks, with those that it points to."""

    id: int
    name: str
    task: str
    args: str
    """JSON, as are `kwargs` and `headers`."""
    kwargs: str
    queue: str | None
    exchange: str | None
    routing_key: str | None
    headers: str | None
    priority: int | None
    expires: datetime | None
    expire_seconds: int | None
    one_off: bool
    start_time: datetime | None
    enabled: bool
    last_run_at: datetime | None
    description: str
    interval_every: int | None
    interval_period: str | None
    minute: str | None
    """None with the other fields: it has no crontab."""
    hour: str | None
    day_of_month: str | None
    month_of_year: str | None
    day_of_week: str | None
    timezone: str | None
    solar_event: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    clocked_time: datetime | None


_READ_ONLY = text("SET TRANSACTION READ ONLY")
_DJANGO_TASKS = text("""
    SELECT task.id, task.name, task.task, task.args, task.kwargs, task.queue, task.exchange,
           task.routing_key, task.headers, task.priority, task.expires, task.expire_seconds,
           task.one_off, task.start_time, task.enabled, task.last_run_at, task.description,
           every.every AS interval_every, every.period AS interval_period,
           cron.minute, cron.hour, cron.day_of_month, cron.month_of_year, cron.day_of_week, cron.timezone,
           sun.event AS solar_event, sun.latitude, sun.longitude, clock.clocked_time
      FROM django_celery_beat_periodictask AS task
      LEFT JOIN django_celery_beat_intervalschedule AS every ON every.id = task.interval_id
      LEFT JOIN django_celery_beat_crontabschedule AS cron ON cron.id = task.crontab_id
      LEFT JOIN django_celery_beat_solarschedule AS sun ON sun.id = task.solar_id
      LEFT JOIN django_celery_beat_clockedschedule AS clock ON clock.id = task.clocked_id
     ORDER BY task.id
""")


def read_django_tasks(connection: Connection) -> tuple[DjangoTask, ...]:
    """All of them, in the order of their ids. Makes the transaction a read-only one, which it must not
    have begun otherwise. Raises NotFound where there are no such tables.
    """
    connection.execute(_READ_ONLY)
    try:
        rows = connection.execute(_DJANGO_TASKS).mappings().all()
    except ProgrammingError as error:
        if sqlstate(error) not in {_NO_TABLE, _NO_COLUMN, _NO_SCHEMA}:
            raise
        raise NotFound(
            "There are no tables of django-celery-beat 2.9 in this database.",
            hint="Name the Django project's own database; with an older version, run its migrations first.",
        ) from error
    return tuple(DjangoTask(**row) for row in rows)
