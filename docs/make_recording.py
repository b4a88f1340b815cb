# ruff: noqa: INP001  a script beside the pages, no package
"""Takes the picture of a terminal for the README: `python -m docs.make_recording`.

It is a real session: `jobrunner up` in a copy of the quickstart, and somebody who edits a file beside it.
"""

import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

_DOCS = Path(__file__).parent
_PICTURE = _DOCS / "images" / "terminal.svg"
_PROJECT = _DOCS.parent / "examples" / "quickstart"
_COLUMNS, _ROWS = 100, 60
_PROMPT = "\x1b[90m$\x1b[0m jobrunner up --no-web"
_WAIT_SECONDS = 90.0
_COLOURS = {
    "32": "#4ec97b",
    "31": "#ff7b72",
    "33": "#e3b341",
    "34": "#79b8ff",
    "90": "#8b949e",
    "35": "#d2a8ff",
}
_TEXT_COLOUR, _GROUND = "#e6edf3", "#0d1117"
_FONT_SIZE, _LINE_HEIGHT, _LETTER_WIDTH, _MARGIN = 13, 18, 7.83, 18
_SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m")
_CLEARED = re.compile(r"[^\n]*\r\x1b\[2?K")
"""What a line said while something was waited for."""
_PHRASE = re.compile(r"\S+(?: \S+)*")
_BOLD = 'font-weight="bold"'
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")


def main() -> None:
    """Write it."""
    with TemporaryDirectory(prefix="jobrunner-recording-") as parent:
        Path(parent).chmod(0o711)
        folder = Path(parent) / "shop"
        shutil.copytree(_PROJECT, folder)
        with _terminal(folder) as screen:
            _edit_beside(folder / "jobs.d" / "shop.yaml", screen)
            told = screen()
    lines = [
        _PROMPT,
        *_STEERING.sub("", _CLEARED.sub("", told)).replace(str(folder), "~/shop").splitlines(),
    ]
    _PICTURE.write_text(_svg(lines), encoding="utf-8")


def _edit_beside(file: Path, screen: Callable[[], str]) -> None:
    """Another interval, a slip, and the slip mended; each as soon as the one before it is seen."""
    _wait_for(screen, r"count-orders\S* .*ms")
    _replace(file, "every: 10s", "every: 5s")
    _wait_for(screen, r"revision 2(?s:.*)count-orders\S* .*ms")
    _replace(file, "every: 5s", "evry: 5s")
    _wait_for(screen, "did you mean")
    _replace(file, "evry: 5s", "every: 5s")
    _wait_for(screen, "did you mean(?s:.*)in force:(?s:.*)count-orders")


def _replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


def _wait_for(screen: Callable[[], str], pattern: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not re.search(pattern, screen()):
        if time.monotonic() > deadline:
            sys.exit(f"{pattern!r} never came:\n{screen()}")
        time.sleep(0.1)


@contextmanager
def _terminal(folder: Path) -> Iterator[Callable[[], str]]:
    """`jobrunner up` behind a terminal of its own; what it has shown so far."""
    ours, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        "PATH": path,
        "HOME": str(folder.parent),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }
    command = [sys.executable, "-m", "jobrunner", "up", "--no-web", "-c", "1"]
    process = subprocess.Popen(  # noqa: S603  ours
        command,
        cwd=folder,
        env=environment,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(ours, pieces), daemon=True)
    reader.start()
    try:
        yield lambda: b"".join(pieces).decode("utf-8", "replace")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_WAIT_SECONDS)
        reader.join(1.0)
        os.close(ours)


def _read_all(terminal: int, pieces: list[bytes]) -> None:
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while piece := os.read(terminal, 65536):
            pieces.append(piece)


def _svg(lines: list[str]) -> str:
    width = round(2 * _MARGIN + _COLUMNS * _LETTER_WIDTH)
    height = 2 * _MARGIN + len(lines) * _LINE_HEIGHT
    rows = "\n".join(_row(line, number) for number, line in enumerate(lines) if line.strip())
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
<title>jobrunner up: jobs run, a saved change is shown with its difference, and a slip with its line</title>
<rect width="100%" height="100%" rx="10" fill="{_GROUND}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" \
font-size="{_FONT_SIZE}" fill="{_TEXT_COLOUR}">
{rows}
</g>
</svg>
"""


def _row(line: str, number: int) -> str:
    baseline = _MARGIN + number * _LINE_HEIGHT + _FONT_SIZE
    return f'<text x="{_MARGIN}" y="{baseline}">{"".join(_spans(line))}</text>'


def _spans(line: str) -> Iterator[str]:
    """Each word or phrase with its colour, at the column where a terminal has it, whatever the font is."""
    column, code = 0, ""
    for index, piece in enumerate(_SEQUENCE.split(line)):
        if index % 2:
            code = piece
            continue
        for phrase in _PHRASE.finditer(piece):
            left = _MARGIN + (column + phrase.start()) * _LETTER_WIDTH
            width = len(phrase[0]) * _LETTER_WIDTH
            look = _BOLD if code == "1" else f'fill="{_COLOURS.get(code, _TEXT_COLOUR)}"'
            yield f'<tspan x="{left:.1f}" textLength="{width:.1f}" {look}>{escape(phrase[0])}</tspan>'
        column += len(piece)


if __name__ == "__main__":
    main()
