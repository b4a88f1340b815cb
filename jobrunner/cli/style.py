"""How a piece of text looks: colours by meaning, symbols of states, widths on a terminal.

Colour never stands alone: a symbol or a word goes with it. Lines are made with their colours, and
`render.Output` takes them off where none are wanted.
"""

import re
import unicodedata
from typing import Literal

from jobrunner.wording.states import STATES, Role, state_name

Check = Literal["ok", "note", "wrong"]
"""How something that was looked at is: well, worth a look, to be mended."""

_CODES: dict[Role, str] = {
    "good": "32",
    "bad": "31",
    "warn": "33",
    "busy": "34",
    "quiet": "90",
    "paused": "35",
    "strong": "1",
}
_CHECKS: dict[Check, tuple[str, Role]] = {
    "ok": ("●", "good"),
    "note": ("○", "warn"),
    "wrong": ("✕", "bad"),
}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def style(text: str, role: Role) -> str:
    """`text` in the colour of its meaning."""
    return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if text else text


def unstyle(text: str) -> str:
    """The same without colours."""
    return _ESCAPE.sub("", text)


def symbol(state: str) -> str:
    """The coloured symbol of a run's state."""
    mark, role = STATES[state]
    return style(mark, role)


def state_words(state: str, *, held: bool = False) -> str:
    """Symbol and word of a run's state, both coloured."""
    shown = state_name(state, held=held)
    mark, role = STATES[shown]
    return style(f"{mark} {shown}", role)


def check_mark(check: Check) -> str:
    """The symbol of something that was looked at."""
    mark, role = _CHECKS[check]
    return style(mark, role)


def width(text: str) -> int:
    """Columns on a terminal."""
    plain = unstyle(text) if "\x1b" in text else text
    return len(plain) if plain.isascii() else sum(_columns(character) for character in plain)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """At most so many columns, with … where something was left out. Colours are kept whole."""
    if (text.isascii() and len(text) <= columns) or width(text) <= columns:
        return text
    kept, used = "", 0
    for piece in re.split(f"({_ESCAPE.pattern})", text):
        if _ESCAPE.fullmatch(piece):
            kept += piece
            continue
        for character in piece:
            if used + _columns(character) > columns - 1:
                return kept + "…" + ("\x1b[0m" if "\x1b" in kept else "")
            kept, used = kept + character, used + _columns(character)
    return kept


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Filled with spaces up to so many columns."""
    space = " " * max(columns - width(text), 0)
    return space + text if right else text + space
