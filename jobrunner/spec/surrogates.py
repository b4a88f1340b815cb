r"""Characters that a JSON encoder wrote as two escapes: `\ud83d\ude00`. YAML knows no such pairs.

What stands for them has as many characters, so that no column moves.
"""

import re

FILLER = "\ufdd0"
"""Stands behind a joined character, and is taken out of the text's value. Unicode gives it to nobody."""

_PAIR_TEXT = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PAIR = re.compile(_PAIR_TEXT)
_ESCAPE = re.compile(rf"({_PAIR_TEXT})|\\.", re.DOTALL)
_REST_OF_TEXT = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_AS_IN_JSON = re.compile(r'"(?:[\s,:\[\]{}]|true|false|null|-?[0-9][0-9.eE+-]*+|-)*+"', re.ASCII)
"""From the end of a text to the beginning of the next, where nothing but JSON stands between them."""
_BEFORE = 2
"""The parser stops behind `\\u`."""


def join_pairs(text: str, at: int) -> str:
    """`text` with the pairs joined of the double-quoted text in which the parser has stopped at the index
    `at`, and of those behind it that are surely texts as well; the same when no pair stands there.
    """
    start = at - _BEFORE
    if start < 0 or not _PAIR.match(text, start):
        return text
    parts, begin = [text[:start]], start
    while (rest := _REST_OF_TEXT.match(text, begin)) is not None:
        parts.append(_ESCAPE.sub(_joined, rest[0]))
        begin = rest.end()
        between = _AS_IN_JSON.match(text, begin)
        if between is None:
            break
        parts.append(between[0])
        begin = between.end()
    return "".join(parts) + text[begin:]


def _joined(found: re.Match[str]) -> str:
    pair = found[1]
    if pair is None:
        return found[0]
    units = (int(pair[2:6], 16), int(pair[8:12], 16))
    character = b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")
    return character + FILLER * (len(pair) - 1)
