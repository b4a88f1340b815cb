"""Jobs that got another name without a `moved`: a person would have seen it, and the history is at stake."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from jobrunner.plan.changes import Change, Create, Delete
from jobrunner.plan.digest import canonical_json
from jobrunner.spec.models import JobSpec


def likely_renames(changes: Iterable[Change]) -> Mapping[str, str]:
    """The address of a new job → that of the deleted one which does the same at the same times.

    Only where one of each is alike: of several nobody can tell which became which. A job without a
    schedule is like too many others.
    """
    created, deleted = [], []
    for change in changes:
        match change:
            case Create(deleted_in=None):
                created.append(change)
            case Delete():
                deleted.append(change)
    calls = {one.before.calls for one in deleted if one.before is not None}
    new = _alike((one.address, one.job.spec) for one in created if one.job.spec.calls in calls)
    old = _alike((one.address, one.before) for one in deleted if one.before is not None)
    return {
        addresses[0]: old[key][0]
        for key, addresses in new.items()
        if len(addresses) == len(old.get(key, ())) == 1
    }


def _alike(jobs: Iterable[tuple[str, JobSpec]]) -> Mapping[tuple[str, str], list[str]]:
    """Addresses by what is called, and when."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for address, spec in jobs:
        if spec.schedules:
            schedules = [schedule.model_dump(mode="json") for schedule in spec.schedules]
            found[spec.calls, canonical_json(schedules)].append(address)
    return found
