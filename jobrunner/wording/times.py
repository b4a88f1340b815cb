"""Times and durations in words, the same in every command and on every page."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo


def took(duration: timedelta) -> str:
    """How long something lasted: `42 ms`, `1.3 s`, `1m 42s`, `2h 05m`, `3d 4h`."""
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h"


def delay(duration: timedelta) -> str:
    """How long something is waited for: `700 ms`, `1 s`, `4.2 s`, `1m 30s`."""
    seconds = round(duration.total_seconds(), 1)
    return f"{seconds:g} s" if 1 <= seconds < 60 else took(duration)


def so_far(duration: timedelta) -> str:
    """How long something has been going on: `60 s`, `2m 05s`."""
    seconds = duration.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else took(duration)


def distance(moment: datetime, now: datetime) -> str:
    """`in 12s`, `4m ago`, `now`: rounded down to its largest unit."""
    seconds = (moment - now).total_seconds()
    if -1 < seconds < 1:
        return "now"
    words = _largest_unit(abs(seconds))
    return f"in {words}" if seconds > 0 else f"{words} ago"


def _largest_unit(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def exact(moment: datetime, zone: tzinfo | None = None) -> str:
    """`Sat 21 Nov 2026 12:00:10 CET`, in `zone`, or in the zone of this machine."""
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M:%S} {zone_name(local)}"


def short(
    moment: datetime, zone: tzinfo | None = None, *, near: datetime, to_the_second: bool = False
) -> str:
    """`Sat 21 Nov 12:00 CET`: the year where it is not that of `near`, seconds where there are any."""
    local = moment.astimezone(zone)
    year = f" {local.year}" if local.year != near.astimezone(local.tzinfo).year else ""
    clock = f"{local:%H:%M:%S}" if local.second or to_the_second else f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b}{year} {clock} {zone_name(local)}"


def listed(moments: Sequence[datetime], zone: tzinfo | None = None, *, near: datetime) -> str:
    """`Sat 21 Nov 12:00 CET, Sun 22 Nov`: the first in full, of the others only the date or only the
    time, where no more differs from all before them. With seconds in all of them, or in none.
    """
    local = [moment.astimezone(zone) for moment in moments]
    to_the_second = any(moment.second for moment in local)
    shown = [short(one, one.tzinfo, near=near, to_the_second=to_the_second) for one in local]
    return ", ".join(
        [*shown[:1], *(_unlike(local[:at], local[at], shown[at]) for at in range(1, len(local)))]
    )


def _unlike(before: Sequence[datetime], other: datetime, words: str) -> str:
    """What of the words of the other one tells it from all that stand before it."""
    date, clock, zone = words.rsplit(" ", 2)
    clocks = {(one.time(), zone_name(one)) for one in before}
    if clocks == {(other.time(), zone_name(other))}:
        return date
    return f"{clock} {zone}" if other.date() == before[0].date() else words


def clock(moment: datetime) -> str:
    """`12:00:10` on the clock of this machine."""
    return f"{moment.astimezone():%H:%M:%S}"


def zone_name(local: datetime) -> str:
    """`CET`, or `+05:30` where the zone has no letters of its own."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 for JSON; None stays None."""
    return None if moment is None else moment.isoformat()
