"""The Celery app that the tasks belong to. Their runs are jobrunner's, and so are the results."""

from celery import Celery

from reports.settings import TIME_ZONE, settings

app = Celery("reports", broker=settings().broker_url, backend=settings().result_url)
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    timezone=TIME_ZONE,
    worker_send_task_events=True,
)
