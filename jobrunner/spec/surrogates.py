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


def pair_at(text: str, at: int) -> str | None:
    """The character of the pair that begins at an index of the text."""
    found = _PAIR.match(text, at)
    return None if found is None else _character(found[0])


def as_yaml_writes(text: str) -> str:
    r"""A text in double quotes with YAML's own escape for each pair: `\U0001F600`."""
    return _ESCAPE.sub(_as_one_escape, text)


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
    return found[0] if pair is None else _character(pair) + FILLER * (len(pair) - 1)


def _as_one_escape(found: re.Match[str]) -> str:
    pair = found[1]
    return found[0] if pair is None else f"\\U{ord(_character(pair)):08X}"


def _character(pair: str) -> str:
    return bytes.fromhex(pair[2:6] + pair[8:12]).decode("utf-16-be")
