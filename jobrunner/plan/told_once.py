"""Warnings that say the same of one line: of all the jobs that a matrix makes there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobrunner.spec.diagnostics import Diagnostic

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
        yield replace(first, notes=(_others_in_words(others),)) if others else first


def _others_in_words(others: Sequence[Diagnostic]) -> str:
    """`the same for a/b#default, a/c#default and 7 more`."""
    listed = ", ".join(one.message.partition(": ")[0] for one in others[:_SUBJECTS_LISTED])
    more = len(others) - _SUBJECTS_LISTED
    return f"the same for {listed}" + (f" and {more} more" if more > 0 else "")
