"""How many runs a schedule has had in its life, which `max_runs` bounds."""

from collections.abc import Mapping

from jobrunner.plan.current import CurrentJob


def runs_so_far(
    name: str, address: str, before: CurrentJob | None, ended: Mapping[str, Mapping[str, int]]
) -> int:
    """Of the schedule of that name: the one in force `before`, or else one that has ended and whose row it
    goes on with. `address` is the job's where there is none before; `ended` is `CurrentProject.ended_runs`.
    """
    if before is not None:
        address = before.address
        for row in before.schedules:
            if row.name == name:
                return row.total_run_count
    return ended.get(address, {}).get(name, 0)
