"""Kill, freeze, empty and restart everything at random; then hold the ledger against the journal.

python -m tests.chaos --minutes 3 --seed 1
"""

import argparse
import sys

from tests.chaos.mischief import Plan
from tests.chaos.play import lines_of, open_scene, play


def main() -> int:
    """One table; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, help="Instead of --minutes.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wipes", type=int, default=5)
    parser.add_argument("--restarts", type=int, default=3)
    options = parser.parse_args()
    plan = Plan(
        seconds=options.seconds or options.minutes * 60,
        wipes=options.wipes,
        restarts=options.restarts,
        seed=options.seed,
    )
    with open_scene() as scene:
        outcome = play(scene, plan, _say)
    for line in lines_of(outcome):
        _say(line)
    return 1 if outcome.faults else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
