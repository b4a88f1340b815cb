"""What a hundred pages cost a server that ask every two seconds."""

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from jobrunner.process_tree import descendants
from tests.examples.request_processing import Browser

POLLERS = 100
SECONDS_BETWEEN = 2.0
ROUNDS = 2


@dataclass(frozen=True)
class Cost:
    """Of all their requests together."""

    cpu_seconds: float
    """Of the server with all its processes."""
    answers: Mapping[int, int]
    """How many, by status."""
    body_bytes: int


def cost_of(server_pid: int, browser: Browser, path: str, headers: Mapping[str, str]) -> Cost:
    """The pollers spread over the two seconds and ask twice, each by a connection of its own."""
    seen: Counter[int] = Counter()
    bodies: list[int] = []
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def poll(number: int) -> None:
        begins_at = started_at + number * SECONDS_BETWEEN / POLLERS
        with closing(HTTPConnection("127.0.0.1", browser.port, timeout=30)) as connection:
            for turn in range(ROUNDS):
                time.sleep(max(begins_at + turn * SECONDS_BETWEEN - time.monotonic(), 0.0))
                connection.request("GET", path, headers={**headers, "Cookie": cookies})
                response = connection.getresponse()
                bodies.append(len(response.read()))
                seen[response.status] += 1

    before = _cpu_seconds(server_pid)
    started_at = time.monotonic()
    threads = [threading.Thread(target=poll, args=(number,)) for number in range(POLLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Cost(_cpu_seconds(server_pid) - before, dict(seen), sum(bodies))


def _cpu_seconds(pid: int) -> float:
    ticks = sum(_ticks(one) for one in (pid, *descendants(pid)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    """Of the process and its threads, in user and in system mode; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
