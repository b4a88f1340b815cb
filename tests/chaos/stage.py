"""The processes of a chaos run: started, killed, frozen, woken and started again."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.evidence import Touch
from tests.project import Project, StartedProcess

_CELERY = (sys.executable, "-m", "celery", "-A", "jobrunner.app")
BEAT = (*_CELERY, "beat", "-S", "jobrunner")
WORKER = (*_CELERY, "worker", "-c", "2", "--without-mingle", "--without-gossip")
CLIENT = (sys.executable, str(Path(__file__).parent / "programs" / "client.py"))


@dataclass
class Role:
    """One place that is to be filled: a beat, a worker, a client."""

    name: str
    argv: Sequence[str]
    ready: str
    """What it says when it is up; '' for one that says nothing."""
    process: StartedProcess | None = None
    frozen: dict[int, float] = field(default_factory=dict)
    """Its processes that stand still, and when they go on."""

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.exit_code is None

    @property
    def is_up(self) -> bool:
        """It has started, and does not stand still."""
        process = self.process
        return (
            process is not None
            and process.exit_code is None
            and not self.frozen
            and any(self.ready in line for line in process.lines[:200])
        )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> tuple[int, ...]:
        return children_of(self.pid) if self.is_alive else ()


class Stage:
    """All roles, and what was done to their processes."""

    def __init__(self, project: Project, roles: Sequence[Role]) -> None:
        self._project = project
        self.roles = roles
        self.touches: list[Touch] = []
        self.deaths = 0
        self.freezes = 0

    def fill(self, environments: Mapping[str, Mapping[str, str]] = {}) -> None:
        """Start who is not there; `environments` are additions, by the role's name."""
        for role in self.roles:
            if not role.is_alive:
                role.frozen.clear()
                added = environments.get(role.name, {})
                home = replace(self._project, environment={**self._project.environment, **added})
                role.process = home.start_program(*role.argv)

    def up(self, prefix: str) -> list[Role]:
        return [role for role in self.roles if role.name.startswith(prefix) and role.is_up]

    def kill(self, role: Role) -> None:
        """Its leader alone, as the kernel or an operator does it: children are left to themselves."""
        self._touch(role.pid, *role.children())
        _signal(role.pid, signal.SIGKILL)
        self.deaths += 1

    def kill_child(self, pid: int) -> None:
        self._touch(pid)
        _signal(pid, signal.SIGKILL)
        self.deaths += 1

    def freeze(self, role: Role, pids: Sequence[int], seconds: float) -> None:
        """Of the role's: its leader, children of its, or all."""
        # A leader that stands still keeps its children's leases from being renewed.
        self._touch(*pids, *(role.children() if role.pid in pids else ()))
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
            role.frozen[pid] = time.monotonic() + seconds
        self.freezes += 1

    def wake(self, *, all_of_them: bool = False) -> None:
        """Those whose time has come."""
        for role in self.roles:
            for pid, until in list(role.frozen.items()):
                if all_of_them or time.monotonic() >= until:
                    _signal(pid, signal.SIGCONT)
                    del role.frozen[pid]

    def note_self_made(self, seconds: float) -> None:
        """Beats that have stopped or killed themselves at one of the named places."""
        for role in self.roles:
            process = role.process
            if process is None or not role.name.startswith("beat"):
                continue
            if role.is_alive and process.pid not in role.frozen and _is_stopped(process.pid):
                role.frozen[process.pid] = time.monotonic() + seconds
                self.freezes += 1

    def _touch(self, *pids: int) -> None:
        now = datetime.now(UTC)
        self.touches += [Touch(pid, now) for pid in pids]


def children_of(pid: int) -> tuple[int, ...]:
    """Those of its main thread."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:  # it is gone
        return ()
    return tuple(map(int, listed.split()))


def _is_stopped(pid: int) -> bool:
    return _state(pid) == "T"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def make_roles(journal_of_answers: Path, *, beats: int, workers: int) -> Iterator[Role]:
    """So many beats and workers, and one client."""
    for number in range(beats):
        yield Role(f"beat-{number}", BEAT, "database_connected")
    for number in range(workers):
        yield Role(f"worker-{number}", (*WORKER, "-n", f"w{number}@%h"), " ready.")
    yield Role("client", (*CLIENT, str(journal_of_answers), "chaos/by-hand"), "")
