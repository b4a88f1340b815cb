"""Warnings that say the same of one line, of all the jobs that a matrix makes there; and those of one file,
so that nobody has to scroll through all of a large one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.report import MOST_IN_ONE_FILE

_SUBJECTS_LISTED = 3


def told_once(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """The first of each group, with a note that names the others. Messages begin with what they are of:
    `reports/nightly-eu#default: …`.
    """
    alike: dict[tuple[str, ...], list[Diagnostic]] = {}
    for one in found:
        _, _, told = one.message.partition(": ")
        place = f"{one.location.file}:{one.location.line}"
        alike.setdefault((one.code, place, told, one.help), []).append(one)
    for first, *others in alike.values():
        if others:
            subjects = [one.message.partition(": ")[0] for one in others]
            yield replace(first, notes=(*first.notes, the_same_for(subjects)))
        else:
            yield first


def the_same_for(subjects: Sequence[str]) -> str:
    """`the same for a/b#default, a/c#default and 7 more`."""
    listed = ", ".join(subjects[:_SUBJECTS_LISTED])
    more = len(subjects) - _SUBJECTS_LISTED
    return f"the same for {listed}" + (f" and {more:,} more" if more > 0 else "")


def told_enough(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """As many of one file as of its mistakes; after them one that says so."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.location.file] += 1
        count = counts[one.location.file]
        if count <= MOST_IN_ONE_FILE:
            yield one
        elif count == MOST_IN_ONE_FILE + 1:
            message = f"more than {MOST_IN_ONE_FILE:,} warnings in this file; the rest is not shown"
            yield replace(one, code="W210", message=message, help="", notes=())
