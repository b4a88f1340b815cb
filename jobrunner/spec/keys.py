"""Which keys stand where, and what to say of one that does not: ours, another tool's, or a later one."""

from pydantic import BaseModel

from jobrunner.spec.elsewhere import ELSEWHERE
from jobrunner.spec.guesses import did_you_mean
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
from jobrunner.spec.tree import Mapping, Node


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

_LONGEST_GUESSED = 60
_SETS = {place: frozenset(keys) for place, keys in KEYS.items()}


def check_keys(mapping: Mapping, place: str, report: Report, *, shows_line: bool = True) -> bool:
    """Whether every key may stand here; each other is one error.

    `shows_line`: false where the line may hold a secret.
    """
    if mapping.entries.keys() <= _SETS[place]:
        return True
    allowed = KEYS[place]
    wrong = [
        (name, entry)
        for name, entry in mapping.entries.items()
        if name not in allowed and not name.startswith(EXTENSION)
    ]
    for name, entry in wrong:
        if report.takes(entry.key, "E201"):
            message = f"unknown key '{shortened(name)}' in {place}"
            advice = _advice(name, entry.value, place)
            report.at(entry.key, "E201", message, help=advice, shows_line=shows_line)
    return not wrong


def meant_by(name: str) -> str:
    """What to write for a key of another tool, or of another place; '' for one that is not known."""
    asked = name.lower().replace("-", "_")
    return next((keys[asked] for keys in ELSEWHERE.values() if asked in keys), "")


def shortened(text: str) -> str:
    """For a message: a text that is too long to be read is cut."""
    return text if len(text) <= _LONGEST_GUESSED else text[:_LONGEST_GUESSED] + "…"


def _advice(name: str, value: Node, place: str) -> str:
    asked = name.lower().replace("-", "_")
    elsewhere = ELSEWHERE.get(place, {}).get(asked)
    if not elsewhere and place == "a template":
        elsewhere = ELSEWHERE["a job"].get(asked)
    if elsewhere:
        return elsewhere
    if place in _FILES and name in KEYS["a job"]:
        return f"it belongs to a job, below its name: jobs: {{nightly: {{{name}: …}}}}"
    if place in _FILES and isinstance(value, Mapping) and "task" in value.entries:
        return f"a job stands below 'jobs': jobs: {{{name}: {{task: …}}}}"
    guess = did_you_mean(name, KEYS[place])
    if guess:
        return f"did you mean '{guess}'?"
    listed = _LISTED_BY.get(place)
    if listed:
        return f"{place} has no such key; all of them: jobrunner explain {listed}"
    return f"{place} has: {', '.join(KEYS[place])}"


_FILES = ("a job file", "the project file")
_LISTED_BY = {
    "a job": "jobs",
    "a template": "templates",
    "defaults": "jobs",
    "a schedule": "schedule",
}
"""Place with many keys → what `jobrunner explain` lists them for."""
