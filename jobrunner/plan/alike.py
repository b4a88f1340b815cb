"""Whether two definitions say the same. Python finds `True == 1 == 1.0`; a callable sees the difference."""

from pydantic import JsonValue

from jobrunner.spec.models import JobSpec, ScheduleSpec

_REMEMBERED = 25_000
_found_alike: dict[str, tuple[JobSpec, JobSpec]] = {}
"""By address, two that were: who plans again and again, as `watch` does, asks of the same two values."""


def are_jobs_alike(old: JobSpec | None, new: JobSpec) -> bool:
    """Equal, and of the same types all the way down."""
    if old is None:
        return False
    address = new.address
    found = _found_alike.get(address)
    if found is not None and found[0] is old and found[1] is new:
        return True
    if old != new or not _have_jobs_arguments_alike(old, new):
        return False
    if len(_found_alike) >= _REMEMBERED:
        _found_alike.clear()
    _found_alike[address] = old, new
    return True


def _have_jobs_arguments_alike(old: JobSpec, new: JobSpec) -> bool:
    """Of two that are equal."""
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
