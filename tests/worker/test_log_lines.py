"""What a worker's log looks like where nobody looks at it in a terminal."""

import subprocess
import sys

import pytest

_BEGIN = """
import logging, structlog
from jobrunner.logs import configure_logging
configure_logging("console")
log, plain = structlog.get_logger("jobrunner.execute"), logging.getLogger("jobrunner.execute")
"""


def _written_by(program: str) -> str:
    """Without the time at its beginning."""
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr.partition(" ")[2]


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (
            "log.info('run_ended', state='succeeded', attempt=1, error=None, job='a/b')",
            (
                "[info     ] run_ended                [jobrunner.execute]"
                " attempt=1 error=None job=a/b state=succeeded\n"
            ),
        ),
        (
            "log.warning('x', told='two words', quoted=\"it's\", nothing='', many=['a', 1])",
            (
                "[warning  ] x                        [jobrunner.execute]"
                " many=['a', 1] nothing= quoted=\"it's\" told='two words'\n"
            ),
        ),
        (
            "plain.warning('%d of %d', 1, 2, extra={'job': 'a/b'})",
            "[warning  ] 1 of 2                   [jobrunner.execute] job=a/b\n",
        ),
        (
            "plain.warning({'event': 'x'})",
            "[warning  ] {'event': 'x'}           [jobrunner.execute]\n",
        ),
    ],
    ids=["event", "values", "somebody-elses", "a-dict-is-no-event"],
)
def test_a_line_has_its_event_its_logger_and_its_fields_by_name(program: str, line: str) -> None:
    assert _written_by(program) == line


def test_a_traceback_stands_below_its_line() -> None:
    told = _written_by("try: 1/0\nexcept ZeroDivisionError: log.exception('failed', run=1)")

    assert told.startswith(
        "[error    ] failed                   [jobrunner.execute] run=1\nTraceback"
    )
    assert told.endswith("ZeroDivisionError: division by zero\n")


def test_an_event_below_the_level_is_not_written() -> None:
    assert not _written_by("log.debug('run_started')")
