"""How long a large project takes to be checked, planned, applied and changed, beside what it rests on."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812  it is a class

from benchmarks.bench import TIME_LIMIT_SECONDS, Bench, Place
from benchmarks.figures import Figure, median_of
from benchmarks.project_limits import limits
from benchmarks.schedulers import Scheduler, migrate

JOBS = 10_000
FEW_JOBS = 100
MANY_JOBS = 100_000
FILES = 1_000
CHANGES = 5
_SETTLE_SECONDS = 0.5
"""What `watch` waits for without being told otherwise."""
_ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Asia/Tokyo")
_ROWS_WRITTEN = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
     WHERE schemaname = 'jobrunner'
"""


@dataclass(frozen=True)
class _Call:
    """What one command took."""

    seconds: float
    memory_mebibytes: float
    """At most."""
    first_words_seconds: float
    """Until it wrote anything to a terminal."""


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """The product alone, whole processes; then the limits."""
    del schedulers
    seconds = {}
    for files in (FILES, 1):
        with bench.open_place("empty", migrate) as place:
            write_project(place, jobs=JOBS, files=files)
            what = f"{JOBS:,} jobs in {files:,} {'files' if files > 1 else 'file'}"
            validated = _call(place, "validate")
            yield Figure(f"{what}: validate", validated.seconds, "s", at_most=2)
            planned = _call(place, "plan")
            seconds[files] = planned.seconds
            yield Figure(f"{what}: plan", planned.seconds, "s", at_most=3)
            yield Figure(f"{what}: plan, first words", planned.first_words_seconds, "s", at_most=1)
            yield Figure(f"{what}: plan, memory", planned.memory_mebibytes, "MiB", at_most=500)
            applied = _call(place, "apply", "--yes")
            yield Figure(f"{what}: first apply", applied.seconds, "s", at_most=4)
            yield from _unchanged(place, what)
            if files > 1:
                yield Figure(
                    f"{what}: one file changed under watch", _changed(place), "s", at_most=1
                )
    yield from _statements(bench)
    yield from _many(bench, seconds[FILES])
    with bench.open_place("empty", migrate) as place:
        write_project(place, jobs=JOBS, files=FILES)
        yield from limits(place)


def write_project(place: Place, *, jobs: int, files: int) -> None:
    """A project as people write them, without anchors or templates that would make it short."""
    (place.folder / "jobrunner.yaml").write_text("version: 1\nproject: bench\n")
    folder = place.folder / "jobs.d"
    folder.mkdir()
    each = jobs // files
    for file in range(files):
        written = "".join(_job(file * each + n) for n in range(each))
        (folder / f"jobs-{file:04}.yaml").write_text(
            f"version: 1\nnamespace: bench\njobs:\n{written}"
        )


def _job(number: int) -> str:
    weekdays = "1-5" if number % 3 else "*"
    return f"""\
  job-{number:06}:
    description: "Job number {number} of a large project, as a person would write it"
    task: bench_tasks.sync
    queue: queue-{number % 20}
    kwargs: {{customer: "customer-{number}", full: false, limit: {number % 500}}}
    retry: {{max_retries: {number % 5}, delay: 30s}}
    timeout: 10m
    owner: team-{number % 17}
    tags: [sync, group-{number % 50}]
    schedule:
      cron: "{number % 60} {number % 24} * * {weekdays}"
      timezone: {_ZONES[number % 4]}
"""


def _unchanged(place: Place, what: str) -> Iterator[Figure]:
    before = _rows_written(place)
    yield Figure(f"{what}: plan of nothing", _call(place, "plan").seconds, "s", at_most=3)
    yield Figure(f"{what}: apply of nothing", _call(place, "apply", "--yes").seconds, "s")
    rows = _rows_written(place) - before
    yield Figure(f"{what}: apply of nothing, rows written", rows, "rows", at_most=0)


def _rows_written(place: Place) -> int:
    with place.connection() as connection, connection.cursor() as cursor:
        cursor.execute(_ROWS_WRITTEN)
        ((rows,),) = cursor.fetchall()
    return int(rows)


def _changed(place: Place) -> float:
    """From when a saved file is quiet until its jobs are in force."""
    file = place.folder / "jobs.d" / "jobs-0500.yaml"
    watch = place.start(sys.executable, "-m", "jobrunner", "watch")
    with watch, place.connection() as connection:
        seconds = []
        for change in range(CHANGES):
            if not watch.wait_until_settled(time.monotonic() + TIME_LIMIT_SECONDS):
                raise SystemExit("The watcher did not come to rest.")
            before = _revision(connection)
            file.write_text(file.read_text().replace("timeout: 1", f"timeout: 1{change}"))
            begun = time.monotonic()
            while _revision(connection) == before:
                if time.monotonic() > begun + TIME_LIMIT_SECONDS:
                    raise SystemExit("The watcher did not see a change.")
                time.sleep(0.01)
            seconds.append(time.monotonic() - begun - _SETTLE_SECONDS)
    return median_of(seconds)


def _revision(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(number) FROM jobrunner.revisions")
        ((number,),) = cursor.fetchall()
    return int(number)


def _statements(bench: Bench) -> Iterator[Figure]:
    """The number must not grow with the jobs."""
    few = _statements_of_a_plan(bench, FEW_JOBS)
    many = _statements_of_a_plan(bench, JOBS)
    yield Figure(f"plan of {FEW_JOBS:,} jobs: statements", few, "statements")
    yield Figure(f"plan of {JOBS:,} jobs: statements", many, "statements", at_most=few)


def _statements_of_a_plan(bench: Bench, jobs: int) -> int:
    with bench.open_place("empty", migrate) as place, bench.logged_statements() as log:
        write_project(place, jobs=jobs, files=10)
        place.jobrunner("apply", "--yes")
        before = log.count()[place.database]
        place.jobrunner("plan")
        return log.count()[place.database] - before


def _many(bench: Bench, seconds_of_fewer: float) -> Iterator[Figure]:
    if bench.is_quick:
        return
    with bench.open_place("empty", migrate) as place:
        write_project(place, jobs=MANY_JOBS, files=FILES)
        seconds = _call(place, "plan").seconds
    yield Figure(f"{MANY_JOBS:,} jobs: plan", seconds, "s", at_most=25)
    times = MANY_JOBS / JOBS
    yield Figure(
        f"{MANY_JOBS:,} jobs against {JOBS:,}: time of a plan",
        seconds / seconds_of_fewer, "times", at_most=1.1 * times,
    )  # fmt: skip


def _call(place: Place, *arguments: str) -> _Call:
    """One command, its standard error a terminal."""
    terminal, end = pty.openpty()
    out = place.folder / "out.txt"
    begun = time.monotonic()
    with out.open("wb") as written:
        started = subprocess.Popen(
            [sys.executable, "-m", "jobrunner", *arguments],
            cwd=place.folder,
            env=place.environment | {"TERM": "xterm"},
            stdout=written,
            stderr=end,
        )
    os.close(end)
    first_words_seconds, words = _read_terminal(terminal, begun)
    _, status, used = os.wait4(started.pid, 0)
    seconds = time.monotonic() - begun
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"jobrunner {' '.join(arguments)} failed:\n{words}{_end_of(out)}")
    return _Call(seconds, used.ru_maxrss / 1024, first_words_seconds or seconds)


def _read_terminal(terminal: int, begun: float) -> tuple[float, str]:
    """(When the first words came, 0 for none; all words)"""
    first, words = 0.0, b""
    while True:
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # how Linux says that nobody writes to a terminal any more
            read = b""
        if not read:
            os.close(terminal)
            return first, words.decode(errors="replace")
        first = first or time.monotonic() - begun
        words += read


def _end_of(file: Path) -> str:
    return file.read_text("utf-8", errors="replace")[-2_000:]
