"""The figures of this product, printed by one command: `python -m benchmarks` (or `make bench`).

Each measurement is a module with `measure(bench) -> list[Figure]`. Everything runs on private servers in a
temporary folder; a figure that is a ratio is measured side by side in one run, because machines are noisy.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import apply_jobs, firing_latency, start_up
from benchmarks.bench import Figure, private_bench

MEASUREMENTS = {
    "start-up": start_up.measure,
    "apply": apply_jobs.measure,
    "firing-latency": firing_latency.measure,
}


def main() -> None:
    """Run the chosen measurements, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*MEASUREMENTS, []], help="which; all by default"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for name in arguments.names or MEASUREMENTS:
        print(f"{name} …", file=sys.stderr, flush=True)
        with private_bench() as bench:
            figures += MEASUREMENTS[name](bench)
    print_table(figures)
    if arguments.json:
        arguments.json.write_text(
            json.dumps([figure._asdict() for figure in figures], indent=2) + "\n"
        )


def print_table(figures: list[Figure]) -> None:
    """One line a figure: what, how much, the goal."""
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        verdict = "" if figure.goal is None else f"   goal ≤ {figure.goal:g} {figure.unit}"
        print(f"{figure.what:<{width}}  {figure.value:>10.1f} {figure.unit}{verdict}")


if __name__ == "__main__":
    main()
