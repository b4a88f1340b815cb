"""The callables of the chaos run. What they do they write into a journal outside the system."""

import asyncio
import os
import signal
import subprocess
import time

from jobrunner import current_run


def works(seconds: float = 0.0) -> None:
    _note("START")
    time.sleep(seconds)
    _note("END")


def asked(number: int) -> int:
    works(0.05)
    return number


async def waits(seconds: float) -> None:
    _note("START")
    await asyncio.sleep(seconds)
    _note("END")


def prints(seconds: float) -> None:
    _note("START")
    for line in range(int(seconds * 10)):
        print(f"line {line}", flush=True)  # noqa: T201  that is what it is for
        time.sleep(0.1)
    _note("END")


def forks(seconds: float) -> None:
    _note("START")
    with subprocess.Popen(["sleep", "60"]) as child:
        time.sleep(seconds)
        child.kill()
    _note("END")


def fails(until_attempt: int) -> None:
    """Up to that attempt."""
    _note("START")
    if current_run().attempt <= until_attempt:
        _note("FAIL")
        raise RuntimeError("as agreed")
    _note("END")


def dies(until_attempt: int) -> None:
    """Up to that attempt."""
    _note("START")
    if current_run().attempt <= until_attempt:
        os.kill(os.getpid(), signal.SIGKILL)
    _note("END")


def _note(word: str) -> None:
    """One write to a file opened for appending: no two lines mix, and a death leaves it whole or out."""
    run = current_run()
    line = f"{word} {run.id} {run.attempt} {os.getpid()} {time.time():.6f}\n"
    file = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)
