"""Which pauses hold back a job, and what an edit changes of that. No apply ends a pause or begins one, but
it may take a job out of one, or put it under one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jobrunner.plan.current import CurrentJob
from jobrunner.plan.pause import PauseInForce
from jobrunner.spec.models import JobSpec


class Held(NamedTuple):
    """The pauses that have to do with a job that changes."""

    after: tuple[PauseInForce, ...]
    """Those that hold it back as it will be."""
    new: tuple[PauseInForce, ...]
    """Of these, those that do not hold it back until now."""
    left: tuple[PauseInForce, ...]
    """Those that hold it back until now, and no longer."""


def covering(pauses: Sequence[PauseInForce], spec: JobSpec) -> tuple[PauseInForce, ...]:
    """Those that hold back the job of that definition."""
    return _covering(pauses, spec.address, spec) if pauses else ()


def pauses_of_update(pauses: Sequence[PauseInForce], before: CurrentJob, after: JobSpec) -> Held:
    """A pause of the job itself goes along to its new address."""
    if not pauses:
        return Held((), (), ())
    # What cannot be read is taken to be in the queues and under the tags where it will be.
    known = before.in_force or before.applied or after
    held_before = _covering(pauses, before.address, known)
    covered = covering(pauses, after)
    goes_along = {one for one in held_before if one.scope == "job"}
    held_after = tuple(one for one in pauses if one in covered or one in goes_along)
    return Held(
        after=held_after,
        new=tuple(one for one in held_after if one not in held_before),
        left=tuple(one for one in held_before if one not in held_after),
    )


def _covering(
    pauses: Sequence[PauseInForce], address: str, spec: JobSpec
) -> tuple[PauseInForce, ...]:
    queues, tags = spec.queues, spec.tags
    return tuple(one for one in pauses if one.covers(address, queues=queues, tags=tags))
