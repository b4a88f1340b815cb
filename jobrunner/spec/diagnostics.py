"""A located mistake, and the registry of every code it can carry.

A code never changes its meaning. `docs/reference/errors.md` explains each of them, and
`tests/bad/` holds a bad project for each; tests fail when one is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jobrunner.spec.models import Location

CODES = {
    # E1xx: the files, and their text as YAML.
    "E101": "the file is not UTF-8",
    "E102": "a character that may not stand here",
    "E103": "the text is not YAML",
    "E104": "an expression has to be quoted",
    "E105": "the same key twice",
    "E106": "an alias that cannot be followed",
    "E107": "aliases expand to too much",
    "E108": "nested too deeply",
    "E109": "a tag",
    "E110": "an ambiguous number",
    "E111": "a key that is not text",
    "E112": "a merge key without a mapping",
    "E113": "a character that cannot be stored",
    "E120": "the file cannot be read",
    "E121": "the file is not a file of the project",
    "E122": "the file is too large",
    "E123": "the files are too large in all",
    "E124": "there is no such project file",
    "E130": "too many mistakes in one file",
    # E2xx: keys and values.
    "E201": "an unknown key",
    "E203": "a value of the wrong kind",
    "E204": "a value that is not allowed",
    "E205": "a key is missing",
    "E206": "a name that cannot be a name",
    "E207": "not a duration",
    "E208": "not a cron expression",
    "E209": "not exactly one rule",
    "E210": "not a timestamp",
    "E211": "an unknown time zone",
    "E212": "two values contradict each other",
    "E213": "another version of the format",
    "E214": "the arguments are too large",
    "E215": "a pattern that cannot be used",
    "E216": "not a recurrence rule",
    "E217": "not a day",
    "E218": "an unknown calendar",
    "E219": "not a reference to a secret",
    "E220": "an unknown notifier",
    "E221": "not an address",
    # E23x: what is put together from several places.
    "E230": "an expression ${…} that cannot be read",
    "E231": "a variable without a value",
    "E232": "an expression ${…} where none is expanded",
    "E233": "an unknown environment",
    "E234": "an unknown template",
    "E235": "templates that extend each other without end",
    "E236": "a matrix that cannot be expanded",
    "E237": "the same template twice",
    "W251": "a queue that is not declared",
    "W252": "a secret that lies open",
    # E3xx: callables.
    "E301": "not a dotted path",
    "E302": "a callable that may not be loaded",
    "E303": "a callable that is not there",
    "E304": "arguments that do not fit",
    "E305": "a module that cannot be loaded",
    "W301": "a module that is not here",
    # E4xx: across files.
    "E401": "the same job twice",
    "E402": "a move that cannot be made",
}
"""Code → what it means, in a few words. W2xx are the lints of `plan/lint.py`."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake or warning, with everything that is needed to draw it.

    `message` is the headline, `help` what to write instead (beside the caret), `notes` further
    lines, such as the other place of a pair.
    """

    code: str
    severity: Literal["error", "warning"]
    message: str
    location: Location
    source_line: str
    """'' when the line is too long to show, or there is no line."""
    width: int = 1
    """Characters under the caret."""
    help: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Errors stop an apply, warnings only with `--strict`."""
        return self.severity == "error"

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--format json`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.location.file,
            "line": self.location.line,
            "column": self.location.column,
            "width": self.width,
            "source_line": self.source_line,
            "help": self.help,
            "notes": list(self.notes),
        }


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops an apply."""
    return any(diagnostic.is_error for diagnostic in diagnostics)
