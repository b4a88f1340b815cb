"""Parts of a job as a person would say them; each in one line, and with what somebody else wrote as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import Alert, JobSpec, Retry
from jobrunner.spec.secrets import in_words, shown


def arguments_in_words(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """`'eu', limit=5` — what is sealed or stands for a secret is only named."""
    given = [_argument(argument) for argument in args]
    return ", ".join(given + [f"{name}={_argument(value)}" for name, value in kwargs.items()])


def retry_in_words(retry: Retry) -> str:
    """`3 times, exponential from 30s`."""
    if not retry.max_retries:
        return "none"
    times = "once" if retry.max_retries == 1 else f"{retry.max_retries} times"
    return f"{times}, {retry.backoff} from {format_duration(retry.delay)}"


def overlap_in_words(job: JobSpec) -> str:
    """`skip, at most 2 runs at once`."""
    if job.max_concurrency is None:
        return job.overlap
    runs = "1 run" if job.max_concurrency == 1 else f"{job.max_concurrency} runs"
    return f"{job.overlap}, at most {runs} at once"


def alert_in_words(alert: Alert) -> str:
    """`late after 10m → on-call`."""
    after = "" if alert.after is None else f" after {format_duration(alert.after)}"
    return f"{', '.join(alert.when)}{after} → {', '.join(alert.to)}"


def _argument(value: Any) -> str:
    return in_words(value) or repr(shown(value))
