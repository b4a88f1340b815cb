"""Bytes → the text that YAML may be read from; whatever an eye cannot see is refused here.

What is refused is also replaced, one character by one, so that reading goes on, finds the other
mistakes, and every line and column stays true.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

from jobrunner.spec.characters import REFUSED
from jobrunner.spec.report import MOST_IN_ONE_FILE, Report
from jobrunner.spec.tree import Source

_BOM = "\ufeff"
_WIDE_ENCODINGS = (  # the longer mark first: UTF-32's begins with UTF-16's
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)

# Not outside quotes, block texts and comments: they look like a space, or like nothing.
_ONLY_QUOTED = re.compile("[\t\xa0\xad\u1680\u2000-\u200f\u202f\u205f-\u2064\u3000]")
_SPACE_OR_COMMENT = re.compile(rf"{_ONLY_QUOTED.pattern}|(?<!\S)#")

_PLAIN = bytes([*range(0x20, 0x7F)]) + b"\n\r"
_WORDS = {
    "\x00": "a NUL byte",
    "\x1b": "an escape character",
    "\t": "a tab",
    "\xa0": "a no-break space",
    "\x85": "a NEL line break",
    "\u200b": "a zero-width space",
    _BOM: "a byte order mark in the middle of the text",
}


def read_text(
    path: str, content: bytes, report: Report, sensitive: frozenset[str] = frozenset()
) -> tuple[Source, str]:
    """The source for quoting lines, and the text with refused characters made harmless.

    `sensitive` are the arguments that other files name as such.
    """
    for mark, encoding in _WIDE_ENCODINGS:
        if content.startswith(mark):
            return _refuse_encoding(path, encoding, report)
    # Without a mark: every second byte of what people write first is a NUL.
    if [byte == 0 for byte in content[:4]] in ([True, False] * 2, [False, True] * 2):
        return _refuse_encoding(path, "UTF-16", report)
    try:
        text = content.decode()
        source = Source(path, text.removeprefix(_BOM), sensitive)
    except UnicodeDecodeError as error:
        source = Source(path, content.decode(errors="replace").removeprefix(_BOM), sensitive)
        _report_bytes(source, content, error.start, report)
    return source, _without_refused(source, report)


def unquoted_spaces(
    text: str, quoted: Iterable[tuple[int, int]], *, end: int, start: int = 0
) -> list[int]:
    """Where tabs and odd spaces stand from `start` to before `end`, outside comments and outside `quoted`.

    `quoted` are the spans of quoted and block texts. A comment starts with a '#' at the start of a
    line or after a space.
    """
    if _is_plain(text) or not _ONLY_QUOTED.search(text):
        return []
    spans = sorted(quoted)
    at_span = 0
    comment_until = -1
    found: list[int] = []
    for match in _SPACE_OR_COMMENT.finditer(text, start, end):
        at = match.start()
        while at_span < len(spans) and spans[at_span][1] <= at:
            at_span += 1
        if at < comment_until or (at_span < len(spans) and spans[at_span][0] <= at):
            continue
        if match.group() == "#":
            comment_until = _end_of_line(text, at)
            continue
        found.append(at)
    return found


def report_spaces(source: Source, indexes: Iterable[int], report: Report) -> None:
    """One mistake for each of `unquoted_spaces`; of very many only the first are told."""
    advice = "use ordinary spaces, or put the text in quotes"
    for index in islice(indexes, MOST_IN_ONE_FILE + 1):
        _report_character(source, index, report, "E102", advice)


def has_odd_spaces(source: Source) -> bool:
    """Whether `unquoted_spaces` could find anything: most files have no such character."""
    return not _is_plain(source.text) and _ONLY_QUOTED.search(source.text) is not None


def character_in_words(character: str) -> str:
    """`a tab`, `a no-break space`, `the character U+202E (RIGHT-TO-LEFT OVERRIDE)`."""
    name = unicodedata.name(character, "")
    named = f"the character U+{ord(character):04X}" + (f" ({name})" if name else "")
    return _WORDS.get(character, named)


def _refuse_encoding(path: str, encoding: str, report: Report) -> tuple[Source, str]:
    source = Source(path, "")
    report.error(
        source, 1, 1, "E101", f"the file is {encoding}, not UTF-8", help="save it again as UTF-8"
    )
    return source, ""


def _report_bytes(source: Source, content: bytes, offset: int, report: Report) -> None:
    before = content[:offset].decode(errors="replace").removeprefix(_BOM)
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    report.error(
        source, len(lines), len(lines[-1]) + 1, "E101",
        f"byte 0x{content[offset]:02X} at offset {offset} is not UTF-8",
        help="save the file again as UTF-8 (this looks like Latin-1 or Windows-1252)",
    )  # fmt: skip


def _without_refused(source: Source, report: Report) -> str:
    if _is_plain(source.text) or not REFUSED.search(source.text):
        return source.text
    for found in islice(REFUSED.finditer(source.text), MOST_IN_ONE_FILE + 1):
        _report_character(
            source, found.start(), report, "E102",
            'remove it, or write it as an escape in double quotes, for example "\\u2028"',
        )  # fmt: skip
    return REFUSED.sub(" ", source.text)


def _is_plain(text: str) -> bool:
    """Nothing but printable ASCII and ends of lines, as nearly every file. To see it takes a tenth of what
    an expression takes.
    """
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def _report_character(source: Source, at: int, report: Report, code: str, advice: str) -> None:
    line, column = source.place(at)
    message = f"{character_in_words(source.text[at])} may not stand here"
    report.error(source, line, column, code, message, help=advice)


def _end_of_line(text: str, at: int) -> int:
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return min(ends, default=len(text))
