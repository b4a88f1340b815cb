"""One chaos run: start, apply, mischief, calm, judge."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import make_engine
from jobrunner.errors import DatabaseUnavailable
from jobrunner.fsck import Checked, check_ledger
from tests.chaos.evidence import Evidence, read_evidence
from tests.chaos.judge import Fault, faults, unfinished
from tests.chaos.load import retries_when_lost, write_load
from tests.chaos.mischief import Mischief, Plan
from tests.chaos.own_servers import OwnServers, open_own_servers
from tests.chaos.stage import Stage, make_roles
from tests.project import Project, open_project
from tests.waiting import wait_until

STARTS_WITHIN_SECONDS = 60.0
SETTLES_WITHIN_SECONDS = 150.0
"""A lost lease, a retry of it, and a queue that has grown meanwhile."""
_APPLIED_WITHIN = timedelta(seconds=6)
_TELL_SECONDS = 10.0

_LEFT = text("""
    SELECT (SELECT count(*) FROM jobrunner.schedules WHERE next_run_at IS NOT NULL)
         + (SELECT count(*) FROM jobrunner.runs WHERE state IN ('queued', 'running'))
         + (SELECT count(*) FROM jobrunner.outbox)
""")


@dataclass(frozen=True)
class Outcome:
    """What there is to say afterwards."""

    deaths: int
    freezes: int
    wipes: int
    restarts: int
    due: int
    rows: int
    completed: int
    given_up: int
    """Runs that ended as lost, as their policy says."""
    extra_attempts: int
    seconds: float
    faults: Sequence[Fault]

    def count(self, kind: str) -> int:
        return sum(fault.kind == kind for fault in self.faults)


class Scene:
    """A project with its processes, on servers of its own."""

    def __init__(self, project: Project, servers: OwnServers, *, beats: int, workers: int) -> None:
        self.project = project
        self.servers = servers
        self.journal = project.path / "journal"
        self.answers = project.path / "answers"
        project.environment["CHAOS_JOURNAL"] = str(self.journal)
        self.engine = make_engine(servers.database_url, application_name="chaos judge")
        self.stage = Stage(project, tuple(make_roles(self.answers, beats=beats, workers=workers)))

    def start(self, seconds: float) -> None:
        """Processes that are up, and definitions in force that are due for so long."""
        start = datetime.now(UTC).replace(microsecond=0) + _APPLIED_WITHIN
        write_load(self.project, start, start + timedelta(seconds=seconds))
        applied = self.project.call("apply", "--yes")
        assert applied.returncode == 0, applied.stderr
        self.stage.fill()
        wait_until(
            lambda: all(role.is_up for role in self.stage.roles if role.ready),
            timeout_seconds=STARTS_WITHIN_SECONDS,
        )

    def settle(self, mischief: Mischief) -> None:
        """Until nothing is left to do, or the time is over: then the judge says what is missing."""
        deadline = time.monotonic() + SETTLES_WITHIN_SECONDS
        self._dismiss_client()
        while time.monotonic() < deadline and self._left() != 0:
            mischief.calm()
            time.sleep(0.2)

    def evidence(self, mischief: Mischief) -> Evidence:
        return read_evidence(
            self.engine,
            self.journal,
            touches=self.stage.touches,
            outages=mischief.outages,
            answers=self.answers,
        )

    def _dismiss_client(self) -> None:
        client = self.stage.roles[-1]
        if client.process is not None:
            client.process.kill_if_alive()
        self.stage.roles = self.stage.roles[:-1]

    def _left(self) -> int | None:
        try:
            with self.engine.begin() as connection:
                return int(connection.execute(_LEFT).scalar_one())
        except DBAPIError:
            return None


@contextmanager
def open_scene(*, beats: int = 3, workers: int = 2) -> Iterator[Scene]:
    """All that it starts ends with the block, and with this process."""
    with (
        open_own_servers() as servers,
        open_project(servers.supervisor, servers.database_url, servers.broker_url) as project,
    ):
        scene = Scene(project, servers, beats=beats, workers=workers)
        try:
            yield scene
        finally:
            scene.engine.dispose()
            for role in scene.stage.roles:
                if role.process is not None:
                    role.process.kill_if_alive()


def play(scene: Scene, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """The whole of it."""
    began = time.monotonic()
    scene.start(plan.seconds)
    mischief = Mischief(plan, scene.stage, scene.servers)
    mischief.play(_teller(scene, mischief, say), lambda: False)
    say("no more mischief: waiting for what is left")
    scene.settle(mischief)
    evidence = scene.evidence(mischief)
    checked = check_ledger(scene.engine)
    found = (*_found(checked), *faults(evidence, retries_when_lost), *unfinished(evidence))
    return _outcome(scene, mischief, evidence, checked, found, time.monotonic() - began)


def play_until_red(
    scene: Scene, plan: Plan, say: Callable[[str], None], *, look_every_seconds: float = 5.0
) -> tuple[float, Fault] | None:
    """The same, looked at now and then: the first fault and when it was seen; None: there was none."""
    scene.start(plan.seconds)
    mischief = Mischief(plan, scene.stage, scene.servers)
    began = time.monotonic()
    looker = _Looker(scene, mischief, look_every_seconds)
    mischief.play(_teller(scene, mischief, say), looker.is_red)
    if looker.fault is None:
        scene.settle(mischief)
        looker.look()
    return None if looker.fault is None else (time.monotonic() - began, looker.fault)


@dataclass
class _Looker:
    scene: Scene
    mischief: Mischief
    every_seconds: float
    fault: Fault | None = None
    look_at: float = 0.0

    def is_red(self) -> bool:
        if time.monotonic() >= self.look_at:
            self.look()
            self.look_at = time.monotonic() + self.every_seconds
        return self.fault is not None

    def look(self) -> None:
        try:
            evidence = self.scene.evidence(self.mischief)
        except (DBAPIError, DatabaseUnavailable):
            return  # it is being restarted
        self.fault = next(faults(evidence, retries_when_lost), None)


def _teller(
    scene: Scene, mischief: Mischief, say: Callable[[str], None]
) -> Callable[[float], None]:
    tell_at = 0.0

    def tell(passed: float) -> None:
        nonlocal tell_at
        if passed >= tell_at:
            tell_at = passed + _TELL_SECONDS
            done = _lines(scene.journal)
            say(
                f"{passed:5.0f} s  deaths {scene.stage.deaths:4}  frozen {scene.stage.freezes:3}  "
                f"wipes {mischief.wipes}  restarts {mischief.restarts}  journal {done:6,} lines"
            )

    return tell


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _found(checked: Checked) -> Iterator[Fault]:
    for finding in checked.findings:
        is_lost = "no run" in finding.what or "owed" in finding.what
        yield Fault("lost" if is_lost else "other", f"fsck: {finding.address} {finding.what}")


def _outcome(
    scene: Scene,
    mischief: Mischief,
    evidence: Evidence,
    checked: Checked,
    found: Sequence[Fault],
    seconds: float,
) -> Outcome:
    started = {attempt.run_id for attempt in evidence.attempts}
    return Outcome(
        deaths=scene.stage.deaths,
        freezes=scene.stage.freezes,
        wipes=mischief.wipes,
        restarts=mischief.restarts,
        due=checked.due,
        rows=len(evidence.runs),
        completed=sum(run.state == "succeeded" for run in evidence.runs),
        given_up=sum(run.state == "lost" for run in evidence.runs),
        extra_attempts=len(evidence.attempts) - len(started),
        seconds=seconds,
        faults=found,
    )


def lines_of(outcome: Outcome) -> Iterator[str]:
    """One table, and each broken promise."""
    columns = {
        "deaths": outcome.deaths, "frozen": outcome.freezes, "wipes": outcome.wipes,
        "restarts": outcome.restarts, "due": outcome.due, "rows": outcome.rows,
        "completed": outcome.completed, "ended lost": outcome.given_up,
        "extra attempts": outcome.extra_attempts, "lost": outcome.count("lost"),
        "doubled": outcome.count("doubled"), "other faults": outcome.count("other"),
    }  # fmt: skip
    yield "  ".join(columns)
    yield "  ".join(f"{number:>{len(name)},}" for name, number in columns.items())
    yield from (f"BROKEN ({fault.kind}): {fault.what}" for fault in outcome.faults[:50])
