"""What somebody else wrote, made safe to read: it steers no terminal and turns no line around."""

import re

# Any sequence (ECMA-48): colours and cursor moves, titles and links, the rest of two characters.
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]"
)
# What could move the cursor, recolour the screen or turn the reading direction: C0 but the tab and
# line feed, DEL, C1, and the bidirectional controls.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """With everything that could steer a terminal made visible."""
    if text.isprintable():  # most texts: to look for the signs takes several times as long
        return text
    return _UNSAFE.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def plain_output(text: str) -> str:
    """What a run has written: without escape sequences, and no line overwrites another."""
    lines = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return safe(lines)


def one_line(text: str) -> str:
    """The same on a single line."""
    return " ".join(safe(text).split())
