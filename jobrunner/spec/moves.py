"""`moved`: jobs that had another address, so that their history goes along."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.keys import KEYS, check_keys, shortened
from jobrunner.spec.models import ADDRESS_PATTERN, NAME_PATTERN, Location
from jobrunner.spec.project import Move
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, kind
from jobrunner.spec.tree import Sequence as ListNode

_EXAMPLE = "write moved: [{from: billing/closing, to: billing/close-books}]"
_ADDRESS = re.compile(ADDRESS_PATTERN)
_NAME = re.compile(NAME_PATTERN)


_MOST_COMPARED = 100_000
"""Pairs of addresses; with more, nobody waits for a did-you-mean."""


class WrittenMove(NamedTuple):
    """One entry of `moved`, each half with its place."""

    old: Scalar
    new: Scalar


def read_moves(entry: Entry | None, namespace: str, report: Report) -> list[WrittenMove]:
    """The entries of one document that can be read; `namespace` is that of its jobs."""
    if entry is None or is_null(entry.value):
        return []
    if not isinstance(entry.value, ListNode):
        report.at(
            entry.value, "E203", f"'moved' takes a list, not {kind(entry.value)}", help=_EXAMPLE
        )  # fmt: skip
        return []
    read = [_read(item, namespace, report) for item in entry.value.items]
    return [move for move in read if move is not None]


def check_moves(
    moves: Sequence[WrittenMove], defined: Collection[str], report: Report, *, is_whole: bool
) -> tuple[Move, ...]:
    """The moves of all files. `defined` are the addresses of all jobs, also of those with a mistake.

    `is_whole`: all jobs could be read, so that an address that is not `defined` is nowhere.
    """
    given = {str(move.old.value) for move in moves}
    alike = tuple(defined) if len(defined) * len(moves) <= _MOST_COMPARED else ()
    ends: dict[str, str] = {}
    firsts: dict[tuple[str, str], Scalar] = {}
    for move in moves:
        _check_once(move.old, "from", firsts, report)
        _check_once(move.new, "to", firsts, report)
        _check_ends(move, defined, given, alike, report, is_whole=is_whole)
        _check_circle(move, ends, report)
    return tuple(_as_value(move) for move in moves)


def _read(node: Node, namespace: str, report: Report) -> WrittenMove | None:
    if not isinstance(node, Mapping):
        report.at(node, "E203", f"a move is a mapping, not {kind(node)}", help=_EXAMPLE)
        return None
    is_known = check_keys(node, "a move", report)
    missing = [key for key in KEYS["a move"] if is_null(node.get(key))]
    if missing and is_known:
        report.at(node, "E205", f"'{missing[0]}' is missing", help=_EXAMPLE)
    if missing:
        return None
    halves = [_address(node.entries[key], namespace, report) for key in KEYS["a move"]]
    old, new = halves
    return None if old is None or new is None else WrittenMove(old, new)


def _address(entry: Entry, namespace: str, report: Report) -> Scalar | None:
    node = entry.value
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(
            node, "E203", f"'{entry.key.value}' takes an address, not {kind(node)}",
            help="write namespace/job",
        )  # fmt: skip
        return None
    if _ADDRESS.fullmatch(node.value):
        return node
    is_name = _NAME.fullmatch(node.value)
    report.at(
        node, "E206", f"'{shortened(node.value)}' is no address of a job",
        help=f"write {namespace}/{node.value}" if is_name else "write namespace/job",
    )  # fmt: skip
    return None


def _check_once(
    node: Scalar, key: str, firsts: dict[tuple[str, str], Scalar], report: Report
) -> None:
    first = firsts.setdefault((key, str(node.value)), node)
    if first is not node:
        report.at(
            node, "E402", f"a second move {key} '{node.value}'",
            help="keep one: a job has one history",
            notes=(f"first at {first.source.path}:{first.line}:{first.column}",),
        )  # fmt: skip


def _check_ends(
    move: WrittenMove,
    defined: Collection[str],
    given: Collection[str],
    alike: tuple[str, ...],
    report: Report,
    *,
    is_whole: bool,
) -> None:
    """A move may lead on: its `to` is defined, or the `from` of another."""
    old, new = str(move.old.value), str(move.new.value)
    if old == new:
        report.at(
            move.new, "E402", f"'{old}' is moved to itself", help="write the new address, or remove it"
        )  # fmt: skip
    elif old in defined:
        report.at(
            move.old, "E402", f"'{old}' is still defined, so it has not moved",
            help="remove that job, or this move",
        )  # fmt: skip
    elif new not in defined and new not in given and is_whole:
        guess = did_you_mean(new, alike)
        report.at(
            move.new, "E402", f"no job is '{new}', to which '{old}' is moved",
            help=f"did you mean '{guess}'?" if guess else "write the address of a job in the files",
        )  # fmt: skip


def _check_circle(move: WrittenMove, ends: dict[str, str], report: Report) -> None:
    """A circle is told at the move that closes it.

    `ends`: address → one that the moves before this one lead to, not always the last of them; each look
    shortens the way for the next, as chains may be long.
    """
    old, new = str(move.old.value), str(move.new.value)
    if old == new or old in ends:
        return
    end, way = new, []
    while end in ends:
        way.append(end)
        end = ends[end]
    ends.update(dict.fromkeys(way, end))
    if end == old:
        report.at(
            move.new, "E402", f"the moves from '{old}' lead back to it",
            help="remove those that no longer hold, and keep the one to the address of today",
        )  # fmt: skip
    else:
        ends[old] = new


def _as_value(move: WrittenMove) -> Move:
    where = move.old
    return Move(
        old=str(move.old.value),
        new=str(move.new.value),
        location=Location(file=where.source.path, line=where.line, column=where.column),
    )
