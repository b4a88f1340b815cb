"""A job's `command`: a program with its arguments, without a shell, in an environment that is built.

What it writes goes to descriptors 1 and 2 of this process, and so to the run's log. A request to end
is a SIGTERM to its process group; how long it takes over that is bounded by the hard limit alone.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from functools import partial

from billiard.exceptions import SoftTimeLimitExceeded

from jobrunner.call import RunCancelled
from jobrunner.current import CurrentRun
from jobrunner.errors import CallableError
from jobrunner.process_tree import die_with, how_it_ended

_PASSED_ON = ("PATH", "LANG", "HOME", "TZ")
# Where a limit ends only the child's group, a group of its own would let the command go on.
_OWN_GROUP = 0 if sys.platform == "linux" else None


class CommandFailed(Exception):
    """It ended with another exit code than 0, or by a signal."""


def run_command(
    words: Sequence[str], run: CurrentRun, *, folder: str, environment: Mapping[str, str]
) -> None:
    """Run it to its end in `folder`, the project's root.

    Of `environment` it gets PATH, LANG, HOME and TZ; and what it may know of its run. Raises
    CommandFailed, and CallableError (`missing`, `command`) for one that cannot be started.
    """
    process = _start(words, folder, built_environment(run, environment))
    try:
        exit_code = process.wait()
    except (SoftTimeLimitExceeded, RunCancelled):
        _terminate(process)
        raise
    if exit_code:
        raise CommandFailed(how_it_ended(exit_code))


def built_environment(run: CurrentRun, environment: Mapping[str, str]) -> dict[str, str]:
    """All that the command sees: no address, password or key of ours is among it."""
    passed_on = {name: environment[name] for name in _PASSED_ON if name in environment}
    return passed_on | {
        "JOBRUNNER_RUN_ID": str(run.id),
        "JOBRUNNER_JOB": run.job,
        "JOBRUNNER_ATTEMPT": str(run.attempt),
        "JOBRUNNER_SCHEDULED_FOR": run.scheduled_for.astimezone(UTC).isoformat(),
        **({} if run.traceparent is None else {"TRACEPARENT": run.traceparent}),
    }


def _start(
    words: Sequence[str], folder: str, environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    program = words[0]
    if not program:
        raise CallableError(
            "The command's program is an empty word.",
            kind="command",
            hint="Write the program as the first word of `command`.",
        )
    try:
        # Another worker starts it again after the loss of this one: it must not go on until then.
        return subprocess.Popen(  # noqa: S603  no shell; the worker has been told to allow it
            words,
            stdin=subprocess.DEVNULL,
            stdout=1,
            stderr=2,
            cwd=folder,
            env=environment,
            process_group=_OWN_GROUP,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  takes none of our locks
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CallableError(
            f"The program {program!r} was not found from {folder}.",
            kind="missing",
            hint="Install it where the worker's PATH leads, or write its path from the project's root.",
        ) from error
    except (OSError, ValueError) as error:
        raise CallableError(
            f"The program {program!r} cannot be started: {error}.",
            kind="command",
            hint="Make it executable, with a first line that names its interpreter if it is a script.",
        ) from error


def _terminate(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and wait for that; asked again by each further request."""
    while True:
        try:
            with suppress(ProcessLookupError):
                _ask(process.pid)
            process.wait()
        except (SoftTimeLimitExceeded, RunCancelled):
            continue
        return


def _ask(pid: int) -> None:
    if _OWN_GROUP is None:
        os.kill(pid, signal.SIGTERM)
    else:
        os.killpg(pid, signal.SIGTERM)
