"""The only place that prints: results on stdout, everything else on stderr.

Colour and progress only on a terminal, never with `NO_COLOR` or `--no-color`. What becomes of a reader that
goes away (`jobrunner runs list | head`) is said in `session.py`.
"""

import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TextIO

import yaml

from jobrunner.cli.layout import Table, table_lines
from jobrunner.cli.style import style, unstyle
from jobrunner.cli.wrapping import wrapped
from jobrunner.spec.characters import escaped
from jobrunner.wording.foreign_text import safe

Form = Literal["table", "json", "yaml"]

_PROGRESS_AFTER_SECONDS = 0.3
"""Of the whole command: loading it may have taken as long."""
_SHORTEST_WAIT_SECONDS = 0.1
"""What is over sooner would only flicker."""
_AT_ONCE_AFTER_SECONDS = 1.0
"""Of the whole command: who has waited that long wants to see what it is about, and a thread that waits to
tell it keeps `beside` from making a copy of the process."""
_CLEAR_LINE = "\r\x1b[2K"


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON in which nothing steers a terminal: its own escapes leave out what only some of them obey."""
    return escaped(json.dumps(value, indent=indent, ensure_ascii=False))


def _document_text(value: Any) -> str:
    """The same with an indent. Python's own way of that takes six times as long: seconds, for a plan of a
    large project.
    """
    # Whoever has a document has loaded it with the format's models; `--help` never does.
    from pydantic_core import PydanticSerializationError, to_json  # noqa: PLC0415

    try:
        return escaped(to_json(value, indent=2).decode())
    except PydanticSerializationError:  # half a surrogate pair, as the name of a file may hold
        return json_text(value, indent=2)


class Output:
    """Two streams and what they can show. Not for several threads, but for `progress`."""

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self._out, self._err = out, err
        self._began_at = time.monotonic()
        no_color = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        self._color_out = out.isatty() and not no_color
        self._color_err = err.isatty() and not no_color
        self._is_within_line = False
        """Whether the last text on `out` has not ended its line, as a prompt does not."""
        self._moves = err.isatty() and environ.get("TERM") != "dumb"
        self.interactive = out.isatty() and err.isatty()
        self.columns = shutil.get_terminal_size((80, 24)).columns if out.isatty() else None

    def without_color(self) -> None:
        """`--no-color`."""
        self._color_out = self._color_err = False

    def result(self, *lines: str) -> None:
        """What the command is for, on stdout."""
        told = "".join(f"{line}\n" for line in lines)
        if told and self._is_within_line:
            self.result_text("\n")
        self._out.write(told if self._color_out else unstyle(told))
        self._out.flush()

    def told(self, *lines: str) -> None:
        """The same in sentences: on a terminal they are broken between words."""
        self.result(*(part for line in lines for part in wrapped(line, self.columns)))

    def result_text(self, text: str) -> None:
        """The same as it is, without a line feed of its own: logs, files."""
        self._out.write(text)
        self._out.flush()
        if text:
            self._is_within_line = not text.endswith("\n")

    def say(self, *lines: str) -> None:
        """Everything else, on stderr."""
        for line in lines:
            self._err.write((line if self._color_err else unstyle(line)) + "\n")
        self._err.flush()

    def explain(self, *lines: str) -> None:
        """The same in sentences, which are broken between words on a terminal."""
        columns = shutil.get_terminal_size((80, 24)).columns if self._err.isatty() else None
        self.say(*(part for line in lines for part in wrapped(line, columns)))

    def document(self, value: Any, form: Form) -> None:
        """A value as JSON or YAML on stdout. What would steer a terminal, or be read in another order
        than it stands, is written as an escape.
        """
        if form == "yaml":
            dumped = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
            if escaped(dumped) != dumped:  # an escape has a meaning in quotes alone
                dumped = yaml.safe_dump(value, sort_keys=False)
            self.result_text(dumped)
        else:
            self.result_text(_document_text(value) + "\n")

    def listing(self, records: Sequence[Mapping[str, Any]], table: Table, form: Form) -> None:
        """Rows as a table for people or as records for programs; an empty table says what to do."""
        if form != "table":
            self.document(list(records), form)
        elif not table.rows:
            self.say(table.empty)
        else:
            self.result(*table_lines(table, self.columns))

    def error(self, message: str, hint: str = "") -> None:
        """One sentence, and what to type next."""
        self._say_marked("error", "bad", message, hint)

    def warning(self, message: str, hint: str = "") -> None:
        """The same for what does not stop the command."""
        self._say_marked("warning", "warn", message, hint)

    def _say_marked(self, word: str, role: Literal["bad", "warn"], message: str, hint: str) -> None:
        self.explain(f"{style(f'{word}:', role)} {safe(message)}")
        if hint:
            self.explain(f"  {style('→', 'quiet')} {safe(hint)}")

    @contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """One line that says what takes long and goes away; none on a pipe, none when quick."""
        if not self._moves:
            yield
            return
        waited = time.monotonic() - self._began_at
        if waited >= _AT_ONCE_AFTER_SECONDS:
            with self._shown(text):
                yield
            return
        shown = ExitStack()
        wait = max(_PROGRESS_AFTER_SECONDS - waited, _SHORTEST_WAIT_SECONDS)
        timer = threading.Timer(wait, shown.enter_context, [self._shown(text)])
        timer.daemon = True
        timer.start()
        with shown:
            try:
                yield
            finally:
                timer.cancel()
                timer.join()

    @contextmanager
    def _shown(self, text: str) -> Iterator[None]:
        """For as long as the block takes."""
        self._err.write(f"{_CLEAR_LINE}{text} …")
        self._err.flush()
        try:
            yield
        finally:
            self._err.write(_CLEAR_LINE)
            self._err.flush()

    def confirm(self, question: str, answers: TextIO) -> bool:
        """Asks on the terminal; only `y` or `yes` is one."""
        self._err.write(f"{question} [y/N] ")
        self._err.flush()
        return answers.readline().strip().lower() in {"y", "yes"}
