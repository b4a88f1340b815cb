"""What people write where a cron expression belongs, and what it is here."""

import re

from jobrunner.schedule import MACROS
from jobrunner.spec.durations import spoken_duration

_LONGEST = 100
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?")
_RATE = re.compile(r"(?:rate\((.*)\)|@every (.*))")
_CALL = re.compile(r"crontab\((.*)\)")
_ARGUMENT = re.compile(r"(\w+) *= *['\"]?([^\s'\"=]+?)['\"]?(?:, *|$)")
_YEAR_LAST = re.compile(r"cron\((\S+ \S+ \S+ \S+ \S+) \S+\)")
_ZONE_FIRST = re.compile(r"(?:CRON_)?TZ=(\S+) +(.+)")
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


def meant_by_cron(text: str) -> tuple[str, str] | None:
    """What was written in place of a cron expression, and the keys that say it; None for no idea."""
    said = text.strip()
    if "FREQ=" in said.upper():
        return "a recurrence rule", f'rrule: "{said}"'
    if len(said) > _LONGEST:
        return None
    rate = _RATE.fullmatch(said)
    spoken = (rate[1] or rate[2] or "") if rate else said
    if interval := spoken_duration(spoken):
        return "an interval", f"every: {interval}"
    if f"@{said.lower()}" in MACROS:
        return "a macro without its '@'", f'cron: "@{said.lower()}"'
    if expression := daily_cron(said):
        return "a time of day", f'cron: "{expression}"'
    if call := _CALL.fullmatch(said):
        return "a call in Python", f'cron: "{_of_arguments(call[1])}"'
    if call := _YEAR_LAST.fullmatch(said):
        return "a cron expression of AWS", f'cron: "{call[1].replace("?", "*")}"'
    if found := _ZONE_FIRST.fullmatch(said):
        return "a cron expression with a time zone", f'cron: "{found[2]}", timezone: {found[1]}'
    return None


def daily_cron(text: str) -> str:
    """The cron expression of a time of day: `05:30` is `30 5 * * *`; '' for anything else."""
    found = _TIME_OF_DAY.fullmatch(text)
    return f"{int(found[2])} {int(found[1])} * * *" if found else ""


def _of_arguments(text: str) -> str:
    given = dict(_ARGUMENT.findall(text))
    return " ".join(given.get(field, "*") for field in _FIELDS)
