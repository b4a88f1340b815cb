"""Text without secrets: each known value, and the usual ways to write it, becomes `***`.

Pure. What is kept of a run goes through here: its output as it comes, and its result, its error and
its traceback at its end.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_MASKED = 4
"""Characters. A shorter value stands in running text by chance; to mask it would only spoil that."""
_SHORTEST_ENCODED = 6
"""Of a piece of Base64 or a line of a longer value, which stand for themselves even less."""


class Masker:
    """The secrets of one run, and texts without them. Empty it changes nothing and costs nothing."""

    def __init__(self) -> None:
        self._forms: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None

    def add(self, value: Any) -> None:
        """From now on every text and every number within this JSON value is masked."""
        forms = {form.encode("utf-8", "surrogatepass") for form in _forms_of(value)}
        if not forms <= self._forms:
            self._forms = self._forms | forms  # another thread may be going through the old one
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """The text with `***` in place of each secret."""
        if self._pattern is None:
            return text
        return self.encoded(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def json(self, dumped: str) -> str:
        """The same for JSON text, which stays JSON: `{"pin": 12345}` becomes `{"pin": "***"}`."""
        if self._pattern is None:
            return dumped
        return json.dumps(self.value(json.loads(dumped)))

    def value(self, value: Any) -> Any:
        """A JSON value whose texts and numbers are masked."""
        match value:
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case list():
                return [self.value(item) for item in value]
            case str():
                return self.text(value)
            case int() | float() if not isinstance(value, bool):
                return value if self.text(str(value)) == str(value) else MASK
            case _:
                return value

    def encoded(self, data: bytes) -> bytes:
        """The same for text in UTF-8."""
        return data if self._pattern is None else self._pattern.sub(MASK.encode(), data)

    def held_back(self, data: bytes) -> int:
        """How many bytes at the end of `data` may be the beginning of a secret."""
        return max((_overlap(data, form) for form in self._forms), default=0)


class MaskedStream:
    """Output in pieces of any size. A secret that two pieces share is masked all the same: what may
    be its beginning is held back until more is known.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be shown now."""
        data = self._held + data
        kept = len(data) - self._masker.held_back(data)
        self._held = data[kept:]
        return self._masker.encoded(data[:kept])

    def end(self) -> bytes:
        """What was held back: nothing comes after it."""
        rest, self._held = self._held, b""
        return self._masker.encoded(rest)


def _overlap(data: bytes, form: bytes) -> int:
    """The length of the longest end of `data` with which `form` begins, and goes on."""
    start = data.find(form[:1], max(0, len(data) - len(form) + 1))
    while start != -1:
        if form.startswith(data[start:]):
            return len(data) - start
        start = data.find(form[:1], start + 1)
    return 0


def _forms_of(value: Any) -> Iterator[str]:
    for text in _texts(value):
        if len(text) >= SHORTEST_MASKED:
            yield from _spellings(text)
            yield from (form for form in _base64(text) if len(form) >= _SHORTEST_ENCODED)
        for line in map(str.strip, text.splitlines()):
            # A key in PEM is told line by line in a traceback, or with other ends of lines.
            if len(line) >= _SHORTEST_ENCODED and line != text:
                yield from _spellings(line)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case str():
            yield value
        case int() | float() if not isinstance(value, bool):
            yield str(value)


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    for safe in ("", "/"):
        yield quote(text, safe=safe, errors="replace")
        yield quote_plus(text, safe=safe, errors="replace")


def _base64(text: str) -> Iterator[str]:
    """Also as a part of something longer, such as `user:password` of an HTTP header.

    Three bytes are four characters, so there are three ways to fall; the characters at both ends
    depend on the neighbours and are left out.
    """
    data = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        coded = base64.b64encode(bytes(before) + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        whole = coded[first:last].decode()
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
