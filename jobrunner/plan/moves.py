"""Jobs that get another address: the one in force, and the one that the files want."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from jobrunner.spec.project import Move


class _Addressed(Protocol):
    @property
    def address(self) -> str: ...


Job = TypeVar("Job", bound=_Addressed)


def moved_jobs(
    in_force: Mapping[str, Job], wanted: Mapping[str, object], moves: Sequence[Move]
) -> Mapping[str, Job]:
    """The jobs in force by the address that they are to have.

    Moves may follow each other (`a` to `b`, later `b` to `c`). One that has been made, or whose job
    is not there, says nothing: it may stay in the files for ever. Of two jobs on the way to one
    address the nearer arrives.
    """
    following = {move.old: move.new for move in moves}
    arrived = dict(in_force)
    ways = [way for old in in_force if old not in wanted and (way := _way(old, following, wanted))]
    for old, *_, new in sorted(ways, key=len):
        if new not in arrived:
            arrived[new] = arrived.pop(old)
    return arrived


def _way(old: str, following: Mapping[str, str], wanted: Mapping[str, object]) -> list[str]:
    """From an address in force to one that is wanted; empty when the moves lead to none."""
    way = [old]
    while way[-1] not in wanted:
        new = following.get(way[-1])
        if new is None or new in way:
            return []
        way.append(new)
    return way
