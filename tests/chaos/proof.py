"""Each protection matters: taken out, the chaos run turns red; with all of them in, it does not.

python -m tests.chaos.proof --minutes 3
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import text

from tests.chaos.judge import Fault
from tests.chaos.mischief import USUAL, Accidents, Plan
from tests.chaos.play import Scene, open_scene, play_until_red

_SABOTAGE = Path(__file__).parent / "sabotage"
NOTHING = "nothing"
_DROP_UNIQUE = text("DROP INDEX jobrunner.runs_schedule_id_scheduled_for_key")
_STAND_STILL_IN_A_TRANSACTION = Accidents("due_written:0.05", stops=1.0)


@dataclass(frozen=True)
class Sabotage:
    """What is taken out, and what happens besides the usual."""

    name: str
    """As in `sabotage/sitecustomize.py`, or NOTHING."""
    accidents: Accidents = USUAL
    prepare: Callable[[Scene], None] = lambda _: None


def _drop_unique(scene: Scene) -> None:
    with scene.engine.begin() as connection:
        connection.execute(_DROP_UNIQUE)


SABOTAGES = (
    Sabotage("row lock, unique index and ids", prepare=_drop_unique),
    Sabotage("claim token"),
    Sabotage("idle-in-transaction time-out", _STAND_STILL_IN_A_TRANSACTION),
    Sabotage(NOTHING, _STAND_STILL_IN_A_TRANSACTION),
)


def main() -> int:
    """One table; 1 when something that was taken out was not missed, or was missed when all was in."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="Those whose name holds this.")
    options = parser.parse_args()
    plan = Plan(seconds=options.minutes * 60, seed=options.seed)
    rows = [_row(s, _try(s, plan)) for s in SABOTAGES if options.only in s.name]
    for _, line in rows:
        _say(line)
    return 0 if all(is_right for is_right, _ in rows) else 1


def _try(sabotage: Sabotage, plan: Plan) -> tuple[float, Fault] | None:
    _say(f"--- taken out: {sabotage.name}")
    with open_scene() as scene:
        sabotage.prepare(scene)
        scene.project.environment.update(_environment(sabotage, scene.project.environment))
        return play_until_red(scene, replace(plan, accidents=sabotage.accidents), _say)


def _environment(sabotage: Sabotage, environment: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(_SABOTAGE), environment.get("PYTHONPATH", ""))))
    return {"CHAOS_SABOTAGE": sabotage.name, "PYTHONPATH": path} if sabotage.name != NOTHING else {}


def _row(sabotage: Sabotage, red: tuple[float, Fault] | None) -> tuple[bool, str]:
    seen = "nothing" if red is None else red[1].what
    seconds = "" if red is None else f"{red[0]:.0f} s"
    is_right = (red is not None) == (sabotage.name != NOTHING)
    return is_right, f"{sabotage.name:<34}{seconds:>7}  {seen}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
