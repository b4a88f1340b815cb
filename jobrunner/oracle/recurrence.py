"""A recurrence rule of RFC 5545, walked by dateutil on the wall clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice

from dateutil import rrule as dateutil_rrule

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_STEPS = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}
_BY_THE_CLOCK = ("HOURLY", "MINUTELY", "SECONDLY")


@dataclass(frozen=True)
class Walk:
    """A rule and its other dates. All times are naive, those of the wall clock."""

    parts: dict[str, str]
    """BYDAY → MO,FR; in capitals."""
    start: datetime
    exdates: frozenset[datetime]
    rdates: tuple[datetime, ...]

    @property
    def follows_the_clock(self) -> bool:
        """No hour is named: it is due whenever the clock shows a match."""
        return self.parts["FREQ"] in _BY_THE_CLOCK and "BYHOUR" not in self.parts

    @property
    def until(self) -> datetime | None:
        """The last moment, aware if it is an instant; a date alone includes its day."""
        text = self.parts.get("UNTIL")
        if text is None:
            return None
        moment = datetime.strptime(f"{text[:8]}{text[9:15] or '235959'}", "%Y%m%d%H%M%S")  # noqa: DTZ007
        return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment

    def between(self, first: datetime, last: datetime) -> list[datetime]:
        """Times of the rule in [first, last], in order; the other dates are `rdates`."""
        until = self.until
        found = []
        for moment in self._times(first):
            if moment > last or (until is not None and until.tzinfo is None and moment > until):
                break
            if moment >= first and moment not in self.exdates:
                found.append(moment)
        return found

    def _times(self, first: datetime) -> Iterator[datetime]:
        """All times from the start on, or from some period after it that is not after `first`."""
        begin = self.start
        if self.parts["FREQ"] == "WEEKLY" and "BYSETPOS" in self.parts:
            # Positions count from the beginning of the week, of the first week as well.
            week_start = _WEEKDAYS.index(self.parts.get("WKST", "MO"))
            begin -= (begin.weekday() - week_start) % 7 * _STEPS["DAILY"]
        step = _STEPS.get(self.parts["FREQ"])
        if step is not None and "COUNT" not in self.parts and first > begin:
            step *= int(self.parts.get("INTERVAL", "1"))
            begin += max((first - begin) // step - 1, 0) * step
        rules = [dateutil_rrule.rrulestr(text, dtstart=begin) for text in self._texts()]
        times = (moment for moment, _ in groupby(merge(*rules)) if moment >= self.start)
        yield from islice(times, int(self.parts["COUNT"]) if "COUNT" in self.parts else None)

    def _texts(self) -> list[str]:
        """Without the ends, which are judged here, and with what a moved start would change.

        dateutil reads MO,1TU as Mondays that are the first Tuesday; the RFC lists days.
        """
        parts = {
            name: value for name, value in self.parts.items() if name not in {"COUNT", "UNTIL"}
        }
        if parts["FREQ"] == "WEEKLY":
            parts.setdefault("BYDAY", _WEEKDAYS[self.start.weekday()])
        days = parts.get("BYDAY", "").split(",")
        plain = [day for day in days if day in _WEEKDAYS]
        if not 0 < len(plain) < len(days) or "BYSETPOS" in parts:
            return [_written(parts)]
        numbered = [day for day in days if day not in _WEEKDAYS]
        return [_written({**parts, "BYDAY": ",".join(some)}) for some in (plain, numbered)]


def _written(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())


def read_walk(
    text: str,
    *,
    start: datetime | None,
    exdates: frozenset[datetime],
    rdates: tuple[datetime, ...],
) -> Walk:
    """A rule without a start begins at any midnight."""
    body = text.strip().upper().removeprefix("RRULE:")
    pairs = (part.partition("=") for part in body.split(";"))
    return Walk(
        parts={name.strip(): value.replace(" ", "") for name, _, value in pairs},
        start=start or datetime(1970, 1, 1),  # noqa: DTZ001  the wall clock
        exdates=exdates,
        rdates=rdates,
    )
