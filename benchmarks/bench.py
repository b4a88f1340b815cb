"""What every measurement needs: private servers, a project folder, and the command line in it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jobrunner.embedded.servers import start_servers

TIME_LIMIT_SECONDS = 300


class Figure(NamedTuple):
    """One measured value. `goal` is the design's bound, None where it only informs."""

    what: str
    value: float
    unit: str
    goal: float | None = None


@dataclass(frozen=True)
class Bench:
    """A project folder with servers of its own."""

    folder: Path
    database_url: str
    broker_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What the product's processes get: nothing of the caller's settings."""
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("JOBRUNNER_", "POSTGRES_", "REDIS_"))
        }
        kept.update(JOBRUNNER_DATABASE_URL=self.database_url, JOBRUNNER_BROKER_URL=self.broker_url)
        return kept

    def jobrunner(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; a failure ends the benchmark with its words."""
        done = subprocess.run(
            [sys.executable, "-m", "jobrunner", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"jobrunner {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a process; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "jobrunner", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def write_jobs(self, name: str, jobs: dict[str, dict[str, object]]) -> None:
        """A job file, as JSON, which is YAML."""
        file = self.folder / "jobs.d" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"version": 1, "namespace": "bench", "jobs": jobs}, indent=1))


@contextmanager
def private_bench() -> Iterator[Bench]:
    """Servers and a folder that are gone afterwards. Commits are as durable as in production."""
    with tempfile.TemporaryDirectory(prefix="jobrunner-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the servers run under another user, who has to get in
        servers = start_servers(folder / ".jobrunner")
        try:
            bench = Bench(folder, servers.database_url, servers.broker_url)
            (folder / "bench_tasks.py").write_text("def nothing() -> None:\n    pass\n")
            bench.jobrunner("db", "upgrade")
            yield bench
        finally:
            servers.stop()


def percentile(values: list[float], percent: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
