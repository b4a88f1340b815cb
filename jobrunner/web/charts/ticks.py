"""Round durations for an axis."""

from datetime import timedelta
from math import ceil

_SECOND = timedelta(seconds=1)
_STEPS_SECONDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200,
)  # fmt: skip
_DAY_SECONDS = 86_400


def round_ticks(longest: timedelta, *, most: int = 4) -> tuple[timedelta, ...]:
    """At most `most` steps of one round length, from the first above nothing to the first that is not
    below `longest`: `1m, 2m, 3m` for 2m 10s.
    """
    wanted = max(longest / _SECOND, _STEPS_SECONDS[0]) / most
    step = next((one for one in _STEPS_SECONDS if one >= wanted), None)
    if step is None:
        step = ceil(wanted / _DAY_SECONDS) * _DAY_SECONDS
    # A float that is a hair above a whole number of steps is that number.
    number = max(ceil(longest / _SECOND / step - 1e-9), 1)
    return tuple(timedelta(seconds=step * (index + 1)) for index in range(number))


def tick_text(duration: timedelta) -> str:
    """`5 ms`, `2 s`, `15m`, `3h`, `1h 30m`, `2d`: no more than a round duration needs."""
    seconds = duration / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds < 60:
        return f"{seconds:g} s"
    parts = []
    rest = round(seconds)
    for unit, size in (("d", _DAY_SECONDS), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2])
