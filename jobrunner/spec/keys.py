"""Which keys stand where, and what to say of one that does not: ours, another tool's, or a later one."""

from difflib import get_close_matches

from pydantic import BaseModel

from jobrunner.spec.models import (
    Alert,
    CatchUp,
    CeleryApp,
    ClockChanges,
    JobSpec,
    Retry,
    ScheduleSpec,
    SolarEvent,
)
from jobrunner.spec.project import (
    Allow,
    Calendar,
    EnvironmentSpec,
    Guards,
    Notifier,
    ProjectSpec,
    Queue,
)
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Mapping


def _keys_of(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


EXTENSION = "x-"
"""What a key begins with that is nobody's but the author's: anchors live there."""
_NO_KEYS = ("namespace", "name", "schedules", "celery")
"""Fields of a job that are given elsewhere."""

KEYS: dict[str, tuple[str, ...]] = {
    "a job": (
        *(key for key in _keys_of(JobSpec) if key not in _NO_KEYS),
        "timezone", "schedule", "schedules", "extends", "matrix",
    ),
    "a template": (
        *(key for key in _keys_of(JobSpec) if key not in _NO_KEYS),
        "timezone", "schedule", "schedules", "extends",
    ),
    "defaults": (
        *(key for key in _keys_of(JobSpec) if key not in _NO_KEYS),
        "timezone",
    ),
    "a schedule": (*(key for key in _keys_of(ScheduleSpec) if key != "name"), "EXDATE", "RDATE"),
    "solar": tuple(_keys_of(SolarEvent)),
    "dst": tuple(_keys_of(ClockChanges)),
    "a range of days": ("from", "to"),
    "retry": tuple(_keys_of(Retry)),
    "catch_up": tuple(_keys_of(CatchUp)),
    "an alert": tuple(_keys_of(Alert)),
    "a job file": ("version", "namespace", "defaults", "templates", "jobs", "moved"),
    "the project file": (
        "version", *_keys_of(ProjectSpec), "environments", "templates", "jobs", "moved",
    ),
    "a notifier": tuple(_keys_of(Notifier)),
    "a queue": tuple(_keys_of(Queue)),
    "a move": ("from", "to"),
    "an environment": tuple(_keys_of(EnvironmentSpec)),
    "guards": tuple(_keys_of(Guards)),
    "allow": tuple(_keys_of(Allow)),
    "celery": tuple(_keys_of(CeleryApp)),
    "a calendar": tuple(_keys_of(Calendar)),
}  # fmt: skip
"""Place → the keys that may stand there, in the order of the reference."""

_CRON = 'write schedule: "…" with the cron expression, or schedule: {cron: "…"}'
_PAUSE = "write 'enabled: false' to switch it off in git, or pause it by hand with: jobrunner pause"
_NAMED = "the name is the key itself, one level up"

_ELSEWHERE: dict[str, dict[str, str]] = {
    "a job": {
        "cmd": "write 'task' with the dotted path of a Python callable",
        "func": "write 'task'", "function": "write 'task'", "callable": "write 'task'",
        "handler": "write 'task'", "entrypoint": "write 'task'", "script": "write 'task'",
        "concurrencypolicy": "write 'overlap': allow, skip (for Forbid) or replace",
        "concurrency_policy": "write 'overlap': allow, skip (for Forbid) or replace",
        "max_instances": "write 'max_concurrency'", "max_active_runs": "write 'max_concurrency'",
        "concurrency": "write 'max_concurrency'", "concurrency_limit": "write 'max_concurrency'",
        "suspend": _PAUSE, "paused": _PAUSE, "pause": _PAUSE, "suspended": _PAUSE,
        "disabled": "write 'enabled: false'", "active": "write 'enabled'",
        "is_active": "write 'enabled'", "is_paused_upon_creation": _PAUSE,
        "crontab": _CRON, "cron": _CRON, "cron_expression": _CRON, "schedule_interval": _CRON,
        "every": "write schedule: {every: 5m}", "interval": "write schedule: {every: 5m}",
        "at": "write schedule: {at: …}", "run_at": "write schedule: {at: …}",
        "time_limit": "write 'timeout'", "hard_time_limit": "write 'timeout'",
        "activedeadlineseconds": "write 'timeout'", "execution_timeout": "write 'timeout'",
        "soft_time_limit": "write 'soft_timeout'",
        "startingdeadlineseconds": "write 'catch_up', or 'misfire_grace' in the schedule",
        "misfire_grace_time": "write 'misfire_grace' in the schedule",
        "misfire_grace": "it belongs into the schedule: schedule: {misfire_grace: 60s}",
        "jitter": "it belongs into the schedule: schedule: {jitter: 2m}",
        "start_at": "it belongs into the schedule", "end_at": "it belongs into the schedule",
        "anchor": "it belongs into the schedule", "dst": "it belongs into the schedule",
        "exclude": "it belongs into the schedule", "max_runs": "it belongs into the schedule",
        "rrule": 'write schedule: {rrule: "FREQ=…"}', "solar": "write schedule: {solar: {event: …}}",
        "max_retries": "write retry: {max_retries: 3}, or shorter retry: 3",
        "retries": "write retry: {max_retries: 3}, or shorter retry: 3",
        "backofflimit": "write retry: {max_retries: 3}, or shorter retry: 3",
        "retry_backoff": "write retry: {backoff: exponential}",
        "retry_delay": "write retry: {delay: 10s}", "default_retry_delay": "write retry: {delay: 10s}",
        "autoretry_for": "write retry: {for: […]}",
        "coalesce": "write 'catch_up': skip, latest or all",
        "timezone_name": "write 'timezone'", "tz": "write 'timezone'", "time_zone": "write 'timezone'",
        "params": "write 'kwargs'", "parameters": "write 'kwargs'", "arguments": "write 'args' or 'kwargs'",
        "options": "write the options as keys of the job: queue, priority, expires",
        "expire_seconds": "write 'expires'", "routing_key": "write 'queue'",
        "labels": "write 'tags'", "desc": "write 'description'",
        "extend": "write 'extends'", "template": "write 'extends'", "inherits": "write 'extends'",
        "strategy": "write matrix: {region: [eu, us]}",
        "name": _NAMED, "id": _NAMED,
        "namespace": "it belongs to the file, beside 'jobs'",
    },
    "a schedule": {
        "crontab": "write 'cron'", "expression": "write 'cron'", "cron_expression": "write 'cron'",
        "minute": "write 'cron' with all its fields", "hour": "write 'cron' with all its fields",
        "day_of_week": "write 'cron' with all its fields",
        "interval": "write 'every'", "period": "write 'every'", "seconds": "write 'every', for example 30s",
        "minutes": "write 'every', for example 5m", "hours": "write 'every', for example 2h",
        "tz": "write 'timezone'", "time_zone": "write 'timezone'",
        "start": "write 'start_at'", "start_date": "write 'start_at'", "start_time": "write 'start_at'",
        "end": "write 'end_at'", "end_date": "write 'end_at'", "until": "write 'end_at'",
        "date": "write 'at'", "run_at": "write 'at'", "run_date": "write 'at'", "datetime": "write 'at'",
        "misfire_grace_time": "write 'misfire_grace'", "count": "write 'max_runs'",
        "recurrence": "write 'rrule'", "sun": "write 'solar'", "calendar": "write 'exclude'",
        "holidays": "write 'exclude'", "excluded": "write 'exclude'", "skip": "write 'exclude'",
        "event": "write solar: {event: …}", "max_concurrency": "it belongs to the job",
        "paused": _PAUSE, "suspend": _PAUSE, "disabled": "write 'enabled: false'",
        "name": "the name is the key under 'schedules'; that of 'schedule' is always 'default'",
        "overlap": "it belongs to the job", "catch_up": "it belongs to the job",
        "timeout": "it belongs to the job", "retry": "it belongs to the job",
    },
    "retry": {
        "retries": "write 'max_retries'", "limit": "write 'max_retries'",
        "attempts": "write 'max_retries', which does not count the first attempt",
        "max_attempts": "write 'max_retries', which does not count the first attempt",
        "multiplier": "write 'factor'", "base": "write 'factor'",
        "interval": "write 'delay'", "wait": "write 'delay'", "initial_delay": "write 'delay'",
        "countdown": "write 'delay'", "max_interval": "write 'max_delay'", "cap": "write 'max_delay'",
        "on": "write 'for'", "exceptions": "write 'for'", "retry_for": "write 'for'",
    },
    "defaults": {
        "schedule": "a schedule belongs to a job, not to defaults",
        "schedules": "a schedule belongs to a job, not to defaults",
        "paused": _PAUSE, "suspend": _PAUSE, "tz": "write 'timezone'",
        "time_limit": "write 'timeout'", "soft_time_limit": "write 'soft_timeout'",
        "max_retries": "write retry: {max_retries: 3}, or shorter retry: 3",
        "extends": "a job extends a template; what holds for all jobs stands in 'defaults' itself",
        "matrix": "a matrix belongs to a job",
    },
    "a template": {
        "matrix": "a matrix belongs to a job, because it makes the names of jobs",
    },
    "an environment": {
        "variables": "write 'vars'", "var": "write 'vars'", "env": "write 'vars'", "values": "write 'vars'",
        "disabled": "write 'enabled: false'", "suspend": "write 'enabled: false'",
        "jobs": "write the differences below 'defaults', or as ${NAME} with a value in 'vars'",
    },
    "a job file": {
        "environments": "it belongs into the project file, jobrunner.yaml",
        "project": "it belongs into the project file, jobrunner.yaml",
        "include": "it belongs into the project file, jobrunner.yaml",
        "allow": "it belongs into the project file, jobrunner.yaml",
        "calendars": "it belongs into the project file, jobrunner.yaml",
        "notifiers": "it belongs into the project file, jobrunner.yaml",
        "queues": "it belongs into the project file, jobrunner.yaml",
        "guards": "it belongs into the project file, jobrunner.yaml",
        "celery": "it belongs into the project file, jobrunner.yaml",
        "tasks": "write 'jobs'", "schedules": "write 'jobs'", "beat_schedule": "write 'jobs'",
        "timezone": "write defaults: {timezone: …}",
    },
    "the project file": {
        "namespace": "it belongs into a job file; jobs of the project file are in 'default'",
        "includes": "write 'include'", "files": "write 'include'",
        "timezone": "write defaults: {timezone: …}", "name": "write 'project'",
    },
    "allow": {"task": "write 'tasks'", "modules": "write 'tasks'", "command": "write 'commands'"},
    "a calendar": {"days": "write 'dates'", "date": "write 'dates'", "exclude": "write 'dates'"},
    "solar": {
        "lat": "write 'latitude'", "lon": "write 'longitude'", "lng": "write 'longitude'",
        "long": "write 'longitude'", "timezone": "it belongs to the schedule, beside 'solar'",
    },
    "a range of days": {
        "start": "write 'from'", "end": "write 'to'", "until": "write 'to'", "till": "write 'to'",
    },
}  # fmt: skip
"""Place → a key of another tool, or of another place, in lower case → what to write instead."""

_FOREIGN = frozenset(
    {"restart", "apiversion", "api_version", "kind", "metadata", "spec", "services"}
)
"""Keys of docker-compose and Kubernetes: a key of ours that looks alike is not what was meant."""
_LONGEST_GUESSED = 60


def check_keys(mapping: Mapping, place: str, report: Report) -> bool:
    """Whether every key may stand here; each other is one error."""
    allowed = KEYS[place]
    if mapping.entries.keys() <= set(allowed):
        return True
    wrong = [
        (name, entry)
        for name, entry in mapping.entries.items()
        if name not in allowed and not name.startswith(EXTENSION)
    ]
    for name, entry in wrong:
        if report.takes(entry.key, "E201"):
            message = f"unknown key '{shortened(name)}' in {place}"
            report.at(entry.key, "E201", message, help=_advice(name, place))
    return not wrong


def meant_by(name: str) -> str:
    """What to write for a key of another tool, or of another place; '' for one that is not known."""
    asked = name.lower().replace("-", "_")
    return next((keys[asked] for keys in _ELSEWHERE.values() if asked in keys), "")


def did_you_mean(text: str, choices: tuple[str, ...]) -> str:
    """The choice that `text` was probably meant to be, or ''."""
    if len(text) > _LONGEST_GUESSED:
        return ""
    alike = {_alike(choice): choice for choice in choices}
    close = get_close_matches(_alike(text.strip()), alike, n=1, cutoff=0.6)
    return alike[close[0]] if close else ""


def _alike(text: str) -> str:
    """Whether letters are capitals, and which stroke is between words, is no other name."""
    return text.lower().replace("-", "_")


def shortened(text: str) -> str:
    """For a message: a text that is too long to be read is cut."""
    return text if len(text) <= _LONGEST_GUESSED else text[:_LONGEST_GUESSED] + "…"


def _advice(name: str, place: str) -> str:
    asked = name.lower().replace("-", "_")
    elsewhere = _ELSEWHERE.get(place, {}).get(asked)
    if not elsewhere and place == "a template":
        elsewhere = _ELSEWHERE["a job"].get(asked)
    if elsewhere:
        return elsewhere
    guess = "" if name.lower() in _FOREIGN else did_you_mean(name, KEYS[place])
    return f"did you mean '{guess}'?" if guess else f"{place} has: {', '.join(KEYS[place])}"
