"""How long a megabyte takes to be checked: files at their largest, and at their worst."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from benchmarks.bench import Bench, Place
from benchmarks.figures import Figure
from benchmarks.schedulers import Scheduler, migrate

MEGABYTE = 1_000_000
_SEED = 1
_SELDOM = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """`validate` of one file of each kind, as a whole process: the product alone."""
    del schedulers
    with bench.open_place("empty", migrate) as place:
        (place.folder / "jobs.d").mkdir()
        for what, text in _files().items():
            (place.folder / "jobs.d" / "hostile.yaml").write_bytes(text)
            seconds, mebibytes = _validated(place)
            yield Figure(f"a megabyte of {what}: validate", seconds, "s", at_most=2)
            yield Figure(f"a megabyte of {what}: memory", mebibytes, "MiB", at_most=200)


def _files() -> Mapping[str, bytes]:
    """What it is → the file."""
    large = ", ".join(f"k{number}: {number}" for number in range(60))
    return {
        "jobs of one key": _jobs(lambda _: "task: a.b"),
        "cron expressions": _jobs(lambda n: _scheduled(f"cron: '{n % 60} * * * *'")),
        "recurrence rules with a COUNT": _jobs(
            lambda n: _scheduled(f"rrule: FREQ=DAILY;COUNT={n % 9_999 + 1}, dtstart: 2026-01-01")
        ),
        "recurrence rules that are hardly ever met": _jobs(
            lambda n: _scheduled(f"rrule: {_SELDOM};INTERVAL={n + 400}, dtstart: 2026-01-01")
        ),
        "jobs of matrices": _megabyte(_ten_matrices(), lambda _: "# and nothing more\n"),
        "jobs with a large template": _megabyte(
            f"templates: {{t: {{kwargs: {{{large}}}}}}}\njobs:\n",
            lambda n: f"  j{n}: {{task: a.b, extends: t}}\n",
        ),
        "variables without a value": _jobs(lambda n: f"task: a.b, owner: '${{A{n}}}'"),
        "unknown keys": _jobs(lambda n: f"task: a.b, quee{n}: a"),
        "wrong time zones": _jobs(lambda n: f"task: a.b, timezone: Europe/Berlim{n}"),
        "aliases": _megabyte(
            "x-a: &a {owner: a}\njobs:\n", lambda n: f"  j{n}: {{<<: *a, task: a.b}}\n"
        ),
        "brackets": b"jobs: " + b"[" * (MEGABYTE - 6),
        "random bytes": random.Random(_SEED).randbytes(MEGABYTE),  # noqa: S311  the same each time
    }


def _scheduled(rule: str) -> str:
    return f"task: a.b, schedule: {{{rule}}}"


def _ten_matrices() -> str:
    """As many jobs as the matrices of a file may make."""
    values = ", ".join(map(str, range(1_000)))
    keys = f"task: a.b, matrix: {{x: [{values}]}}, kwargs: {{x: '${{matrix.x}}'}}"
    return "jobs:\n" + "".join(f"  m{number}: {{{keys}}}\n" for number in range(10))


def _jobs(keys: Callable[[int], str]) -> bytes:
    return _megabyte("jobs:\n", lambda n: f"  j{n}: {{{keys(n)}}}\n")


def _megabyte(head: str, line: Callable[[int], str]) -> bytes:
    """The head and as many lines as there is room for."""
    text, lines = bytearray(head.encode()), map(line, count())
    while len(text) + len(one := next(lines).encode()) <= MEGABYTE:
        text += one
    return bytes(text)


def _validated(place: Place) -> tuple[float, float]:
    """(Seconds, mebibytes at most). Sound or not, the file is told of, and nothing breaks."""
    out = place.folder / "out.txt"
    begun = time.monotonic()
    with out.open("wb") as written:
        started = subprocess.Popen(
            [sys.executable, "-m", "jobrunner", "validate"],
            cwd=place.folder,
            env=place.environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    _, status, used = os.wait4(started.pid, 0)
    seconds = time.monotonic() - begun
    started.returncode = os.waitstatus_to_exitcode(status)
    words = out.read_text("utf-8", errors="replace")
    if started.returncode not in (0, 1) or "Traceback" in words:
        raise SystemExit(f"jobrunner validate failed:\n{words[-2_000:]}")
    return seconds, used.ru_maxrss / 1024
