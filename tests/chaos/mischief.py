"""What is done to a running system, at random: each act is noted, so that a judge can tell its cause."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.evidence import Span
from tests.chaos.own_servers import OwnServers
from tests.chaos.stage import Role, Stage

_SHORT, _LONG = (1.0, 8.0), (22.0, 30.0)
"""Seconds of standing still: within a lease, and beyond it."""
_LOOK_AGAIN_SECONDS = 0.02
_CHILDREN_LEFT = 1
"""Somebody has to work: on a slow machine children would die faster than they are forked."""


@dataclass(frozen=True)
class Accidents:
    """Beats also stop or die at the named places, which are narrow: at random they are hardly hit."""

    places: str = "*:0.004"
    """As in JOBRUNNER_CRASH_AT."""
    stops: float = 0.5
    """The share that stops; the rest dies."""

    def environment(self, source: random.Random) -> dict[str, str]:
        told = "STOP" if source.random() < self.stops else "KILL"
        return {"JOBRUNNER_CRASH_AT": self.places, "JOBRUNNER_CRASH_SIGNAL": told}


USUAL = Accidents()


@dataclass(frozen=True)
class Plan:
    """How much of it. The servers' turns come at even distances."""

    seconds: float
    acts_a_second: float = 2.2
    wipes: int = 5
    restarts: int = 3
    accidents: Accidents = USUAL
    seed: int = 1


@dataclass
class Mischief:
    """One run of it."""

    plan: Plan
    stage: Stage
    servers: OwnServers
    source: random.Random = field(init=False)
    wipes: int = 0
    restarts: int = 0
    outages: list[Span] = field(default_factory=list)
    _nobody_since: datetime | None = None

    def __post_init__(self) -> None:
        self.source = random.Random(self.plan.seed)  # noqa: S311  victims, no secrets

    def play(self, tell: Callable[[float], None], is_enough: Callable[[], bool]) -> None:
        """To the end of the plan, or until it is enough; then everybody is woken and started."""
        began, tried = time.monotonic(), 0
        turns = sorted(self._turns(), key=lambda turn: turn[0])
        while (passed := time.monotonic() - began) < self.plan.seconds and not is_enough():
            self._look_after()
            while turns and turns[0][0] <= passed:
                turns.pop(0)[1]()
            # What finds no victim is made up for, within bounds: on a busy machine nobody would
            # ever come up.
            wanted = passed * self.plan.acts_a_second
            if self.stage.deaths + self.stage.freezes < wanted and tried < 1.5 * wanted:
                tried += 1
                self._act()
            tell(passed)
            time.sleep(_LOOK_AGAIN_SECONDS)
        self.stage.wake(all_of_them=True)
        self.stage.fill()

    def calm(self) -> None:
        """Bring back whoever still ends because of what was done before."""
        self._note_absence()
        self.stage.note_self_made(0.0)
        self.stage.wake(all_of_them=True)
        self.stage.fill()

    def _note_absence(self) -> None:
        """Of all beats: on a slow machine they take long to start."""
        now = datetime.now(UTC)
        if not self.stage.up("beat"):
            self._nobody_since = self._nobody_since or now
        elif self._nobody_since is not None:
            self.outages.append(Span(self._nobody_since, now))
            self._nobody_since = None

    def _look_after(self) -> None:
        self._note_absence()
        self.stage.note_self_made(self.source.uniform(*self.source.choice((_SHORT, _LONG))))
        self.stage.wake()
        self.stage.fill({role.name: self._accidents(role) for role in self.stage.roles})

    def _accidents(self, role: Role) -> dict[str, str]:
        is_beat = role.name.startswith("beat")
        return self.plan.accidents.environment(self.source) if is_beat else {}

    # --- The servers' turns ---

    def _turns(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for number in range(self.plan.wipes):
            yield self._moment(number, self.plan.wipes), self._wipe
        for number in range(self.plan.restarts):
            yield self._moment(number, self.plan.restarts), self._restart

    def _moment(self, number: int, among: int) -> float:
        return self.plan.seconds * (number + self.source.uniform(0.2, 0.8)) / among

    def _wipe(self) -> None:
        (self.servers.empty_broker, self.servers.restart_broker)[self.wipes % 2]()
        self.wipes += 1

    def _restart(self) -> None:
        began = datetime.now(UTC)
        self.servers.restart_postgres((signal.SIGQUIT, signal.SIGINT)[self.restarts % 2])
        self.outages.append(Span(began, datetime.now(UTC)))
        self.restarts += 1

    # --- One act ---

    def _act(self) -> None:
        kinds = (self._kill_child, self._kill_beat, self._kill_worker, self._kill_client)
        self.source.choices((*kinds, self._freeze), (52, 18, 12, 3, 15))[0]()

    def _kill_child(self) -> None:
        pids = [pid for role in self.stage.up("worker") for pid in role.children()]
        if len(pids) > _CHILDREN_LEFT:
            self.stage.kill_child(self.source.choice(pids))

    def _kill_beat(self) -> None:
        # A scheduler that may run only once has to be killed all the same.
        several = sum(role.name.startswith("beat") for role in self.stage.roles) > 1
        self._kill("beat", left=int(several))

    def _kill_worker(self) -> None:
        self._kill("worker", left=1)

    def _kill_client(self) -> None:
        self._kill("client", left=0)

    def _kill(self, prefix: str, *, left: int) -> None:
        """One in ten is killed while it starts; otherwise so many that are up are left."""
        alive = [
            r for r in self.stage.roles if r.name.startswith(prefix) and r.is_alive and not r.frozen
        ]
        victims = alive if self.source.random() < 0.1 else self.stage.up(prefix)
        if len(victims) > left:
            self.stage.kill(self.source.choice(victims))

    def _freeze(self) -> None:
        """A beat, a worker with all of its processes, its leader alone, or one child."""
        role = self._one_to_freeze()
        if role is None:
            return
        children = role.children() if role.name.startswith("worker") else ()
        whose = [(role.pid,), (role.pid, *children), *((child,) for child in children)]
        seconds = self.source.uniform(*(_LONG if self.source.random() < 0.35 else _SHORT))
        self.stage.freeze(role, self.source.choice(whose), seconds)

    def _one_to_freeze(self) -> Role | None:
        kind = self.source.choice(("beat", "worker"))
        if any(role.frozen for role in self.stage.roles if role.name.startswith(kind)):
            return None  # one at a time of each: somebody has to work
        up = self.stage.up(kind)
        return self.source.choice(up) if len(up) > 1 else None
