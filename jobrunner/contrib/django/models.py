"""jobrunner's tables as the admin reads them. Nothing is written through these models."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobrunner.run import RunState
from jobrunner.wording.places import API_FILE

# Django writes a table's name in quotes, and these lead it into jobrunner's own schema.
_JOBS, _SCHEDULES, _RUNS = (f'jobrunner"."{table}' for table in ("jobs", "schedules", "runs"))


class JobsInForce(models.Manager["ScheduledJob"]):
    def get_queryset(self) -> "models.QuerySet[ScheduledJob]":
        return super().get_queryset().filter(deleted_at=None)


class ScheduledJob(models.Model):
    """A job with its schedules, of a file or made over the API."""

    id = models.UUIDField(primary_key=True)
    address = models.TextField("job")
    enabled = models.BooleanField()
    queue = models.TextField()
    tags = ArrayField(models.TextField())
    file = models.TextField()
    line = models.IntegerField()
    digest = models.TextField()
    deleted_at = models.DateTimeField(null=True)
    schedules: "models.Manager[Schedule]"

    everything = models.Manager["ScheduledJob"]()
    objects = JobsInForce()

    class Meta:
        managed = False
        db_table = _JOBS
        verbose_name = "schedule"
        base_manager_name = "everything"  # a run knows its job when that is gone, too
        default_manager_name = "objects"

    def __str__(self) -> str:
        return self.address

    @property
    def is_api_owned(self) -> bool:
        """No file defines it, so it is changed here."""
        return self.file == API_FILE


class Schedule(models.Model):
    """One of a job's schedules."""

    id = models.UUIDField(primary_key=True)
    job = models.ForeignKey(ScheduledJob, models.DO_NOTHING, related_name="schedules")
    name = models.TextField()
    spec: "models.JSONField[Any]" = models.JSONField()
    next_scheduled_for = models.DateTimeField(null=True)
    next_run_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True)
    total_run_count = models.BigIntegerField()
    error = models.TextField(null=True)  # noqa: DJ001  as the table has it
    deleted_at = models.DateTimeField(null=True)

    objects = models.Manager["Schedule"]()

    class Meta:
        managed = False
        db_table = _SCHEDULES
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One execution of a job."""

    id = models.UUIDField(primary_key=True)
    job = models.ForeignKey(ScheduledJob, models.DO_NOTHING, related_name="runs")
    trigger = models.TextField()
    state = models.TextField(choices=[(state.value, state.value) for state in RunState])
    scheduled_for = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempt = models.SmallIntegerField("attempts")
    queue = models.TextField()
    worker = models.TextField(null=True)  # noqa: DJ001
    error = models.TextField(null=True)  # noqa: DJ001
    created_by = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        managed = False
        db_table = _RUNS
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.id)
