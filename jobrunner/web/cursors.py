"""Cursors: where a page ends, as text that a caller hands back and need not understand."""

import base64
import json
from collections.abc import Sequence

from jobrunner.errors import UsageError

_LONGEST = 1_000


def cursor_of(*parts: str) -> str:
    """The text that `parts_of` reads."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def parts_of(cursor: str, count: int) -> Sequence[str]:
    """So many parts, whatever is in them. Raises UsageError for a text that no page has given."""
    try:
        padded = cursor[:_LONGEST] + "=" * (-len(cursor[:_LONGEST]) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError as error:
        raise unknown_cursor() from error
    if not (isinstance(parts, list) and len(parts) == count and all(map(_is_text, parts))):
        raise unknown_cursor()
    return parts


def unknown_cursor() -> UsageError:
    """What to say of it."""
    return UsageError(
        "This cursor is none that a page has given.",
        hint="Take `next_cursor` of the page before, or leave it out for the first page.",
    )


def _is_text(part: object) -> bool:
    return isinstance(part, str) and part.isprintable() and part.isascii()
