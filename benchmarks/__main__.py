"""How fast the product is, beside its peers and the limits of the servers: `python -m benchmarks`.

Each benchmark is a module with `measure(bench, …)`, which yields figures. Everything of one run uses the
same private servers; what is compared is measured one after the other in that run.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    apply_jobs,
    arithmetic,
    burst,
    change_to_effect,
    command_line,
    firing_latency,
    hostile,
    idle,
    large_project,
    scale,
    start_latency,
    start_up,
    steady,
    throughput,
    web,
)
from benchmarks.bench import Bench, private_bench
from benchmarks.figures import (
    JOBRUNNER,
    Figure,
    format_value,
    make_report,
    print_report,
    report_as_json,
)
from benchmarks.page import write_page
from benchmarks.peer_environment import find_peers, peer_versions
from benchmarks.peers import all_peers
from benchmarks.schedulers import LIMIT, Jobrunner, Limit, Scheduler

BENCHMARKS: Mapping[str, Callable[[Bench, Sequence[Scheduler]], Iterator[Figure]]] = {
    "command-line": command_line.measure,
    "apply": apply_jobs.measure,
    "large-project": large_project.measure,
    "hostile": hostile.measure,
    "arithmetic": arithmetic.measure,
    "start-up": start_up.measure,
    "change-to-effect": change_to_effect.measure,
    "firing-latency": firing_latency.measure,
    "burst": burst.measure,
    "scale": scale.measure,
    "idle": idle.measure,
    "throughput": throughput.measure,
    "start-latency": start_latency.measure,
    "steady": steady.measure,
    "web": web.measure,
}


NAMES = (
    *(JOBRUNNER, LIMIT, "Celery beat", "django-celery-beat", "sqlalchemy-celery-beat"),
    *("celery-redbeat", "APScheduler"),
)


def main() -> None:
    """Run the chosen benchmarks, print their tables, write what was asked for."""
    arguments = _parser().parse_args()
    _say("starting a private PostgreSQL and Valkey …")
    chosen, versions = _schedulers(arguments.only)
    with private_bench(is_quick=arguments.quick) as bench:
        versions = {**_our_versions(bench), **versions}
        figures = {
            name: list(_measured(name, bench, chosen)) for name in arguments.names or BENCHMARKS
        }
    report = make_report(figures, versions, is_quick=arguments.quick)
    print_report(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report_as_json(report), indent=2) + "\n", "utf-8")
    if arguments.charts:
        write_page(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which; all by default")
    parser.add_argument(
        "--only", type=_names, default=NAMES, help=f"who, with commas between: {', '.join(NAMES)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer schedules and rounds, in about two minutes"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--charts", action="store_true", help="also write docs/benchmarks.md and its charts"
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of: {', '.join(NAMES)}")
    return names


def _schedulers(only: Sequence[str]) -> tuple[Sequence[Scheduler], Mapping[str, str]]:
    """Those that were asked for, and the versions of the peers among them."""
    ours = tuple(s for s in (Jobrunner(), Jobrunner(beats=2), Limit()) if s.kind in only)
    python = find_peers() if set(only) - {JOBRUNNER, LIMIT} else None
    if python is None:
        return ours, {}
    return (*ours, *(peer for peer in all_peers(python) if peer.name in only)), peer_versions(
        python
    )


def _our_versions(bench: Bench) -> Mapping[str, str]:
    return {
        JOBRUNNER: version("celery-jobrunner"),
        "Python": platform.python_version(),
        **bench.server_versions(),
    }


def _measured(name: str, bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    begun = time.monotonic()
    _say(f"{name} …")
    for figure in BENCHMARKS[name](bench, schedulers):
        value = f"{format_value(figure.value)} {figure.unit}"
        _say(f"{name} {time.monotonic() - begun:4.0f} s  {figure.who}: {figure.what}: {value}")
        yield figure


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
