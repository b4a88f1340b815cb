"""A located mistake. `spec/codes/` says what its code means."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jobrunner.spec.models import Location

_IN_ONE_LINE = str.maketrans({"\n": "\\n", "\r": "\\r"})


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

    def __post_init__(self) -> None:
        """Both stand in one line each, whatever line breaks the names have that they quote."""
        for name in ("message", "help"):
            text = getattr(self, name)
            if "\n" in text or "\r" in text:
                object.__setattr__(self, name, text.translate(_IN_ONE_LINE))

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
