"""Deterministic jitter: the same schedule and time get the same delay, on every machine."""

from datetime import datetime, timedelta
from hashlib import blake2b

from jobrunner.schedule.next_time import next_time
from jobrunner.schedule.timing import Timing

_NONE = timedelta(0)
_INSTANT = timedelta(microseconds=1)


def run_at(timing: Timing, schedule_key: str, scheduled_for: datetime) -> datetime:
    """The nominal time plus its jitter, in [0, jitter).

    Never as far as the next nominal time, so the runs of a schedule keep their order however
    large the jitter is. `schedule_key` is `namespace/job#schedule`; another key, another delay.
    """
    if timing.jitter <= _NONE:
        return scheduled_for
    following = next_time(timing, scheduled_for)
    room = timing.jitter if following is None else min(timing.jitter, following - scheduled_for)
    digest = blake2b(f"{schedule_key}\0{scheduled_for.timestamp():.6f}".encode(), digest_size=8)
    share = int.from_bytes(digest.digest(), "big")
    return scheduled_for + (room // _INSTANT * share >> 64) * _INSTANT
