"""Whether two definitions say the same. Python finds `True == 1 == 1.0`; a callable sees the difference."""

from pydantic import JsonValue

from jobrunner.plan.remembered import remembered
from jobrunner.spec.models import JobSpec, ScheduleSpec


def are_jobs_alike(old: JobSpec | None, new: JobSpec) -> bool:
    """Equal, and of the same types all the way down."""
    return old is not None and _are_jobs_alike(new.address, old, new)


@remembered
def _are_jobs_alike(old: JobSpec, new: JobSpec) -> bool:
    if old != new:
        return False
    return _are_alike([*old.args, old.kwargs], [*new.args, new.kwargs]) and all(
        map(_have_arguments_alike, old.schedules, new.schedules)
    )


def are_schedules_alike(old: ScheduleSpec | None, new: ScheduleSpec) -> bool:
    """Equal, and of the same types all the way down."""
    return old is not None and old == new and _have_arguments_alike(old, new)


def _have_arguments_alike(old: ScheduleSpec, new: ScheduleSpec) -> bool:
    """Of two that are equal."""
    return _are_alike([*(old.args or ()), old.kwargs], [*(new.args or ()), new.kwargs])


def _are_alike(old: JsonValue, new: JsonValue) -> bool:
    """Of two that are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_are_alike(item, new[key]) for key, item in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(map(_are_alike, old, new))
    return type(old) is type(new)
