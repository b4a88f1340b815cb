"""A Celery app as a careful user would write it: late acknowledgement, and again after a lost worker."""

import os
import time

from celery import Celery, Task

app = Celery("peer", broker=os.environ["JOBRUNNER_BROKER_URL"])
app.conf.update(
    task_default_queue="default",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_max_retries=None,
    timezone="UTC",
    result_expires=None,  # or a schedule that cleans up results would be added
)


@app.task(name="peer.works", bind=True)
def works(self: "Task[..., None]", schedule: str, seconds: float) -> None:
    _note("START", schedule, str(self.request.id))
    time.sleep(seconds)
    _note("END", schedule, str(self.request.id))


def _note(word: str, schedule: str, message: str) -> None:
    file = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{word} {schedule} {message}\n".encode())
    os.close(file)
