"""Characters that nobody sees and that change what is read. Imports nothing, for who only prints."""

import re

# Control characters, line breaks that editors do not count, and the overrides that make a line read
# otherwise than it is.
REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""They may stand nowhere in a file, not even in quotes."""


def escaped(text: str) -> str:
    """A text of ours in which what is refused anywhere stands in double quotes: written as escapes."""
    return REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
