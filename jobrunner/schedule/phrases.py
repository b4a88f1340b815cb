"""Numbers, names and lists as words: what the sentences about schedules are made of."""

from collections.abc import Sequence

from jobrunner.schedule.cron import numbers_of

TIMES_LISTED_MAX = 6
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
NTH = ("", "first", "second", "third", "fourth", "fifth", "last")


def listed(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def numbered(unit: str, mask: int) -> str:
    """`minute 5`, `hours 1, 4-6 and 9`."""
    numbers = numbers_of(mask)
    return f"{unit}{'' if len(numbers) == 1 else 's'} {listed(runs(numbers))}"


def runs(numbers: Sequence[int]) -> list[str]:
    """Three and more in a row are written as a range."""
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    return [
        part
        for stretch in stretches
        for part in (
            [f"{stretch[0]}-{stretch[-1]}"]
            if len(stretch) > 2
            else [str(number) for number in stretch]
        )
    ]


def ordinal_runs(numbers: Sequence[int]) -> list[str]:
    return [" to ".join(ordinal(int(end)) for end in run.split("-")) for run in runs(numbers)]


def ordinal(number: int) -> str:
    return f"{number}{_suffix(number)}"


def _suffix(number: int) -> str:
    if number in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
