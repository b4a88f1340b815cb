"""Which lines of a text may hold what nobody shall see, told from the text alone: a mistake can be so
early that there is no tree, and so near that a name is not where it should be.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from sys import maxsize

_KEY = r"""\b(?:sen\w*+|\w+itive)["']?[ \t]*:"""
"""`sensitive`, also with a slip in it."""
_NAMES = re.compile(
    rf"""{_KEY}[ \t]*(\[[^][]*\]|(?:(?:\#[^\n#]*+)?\n[ \t]*-[^\n]*)+|[^\n,{{}}#]*)"""
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_WORD = re.compile(r"(?<![\w.-])[A-Za-z_][A-Za-z0-9_]*+(?![\w.-])")
_ALWAYS = frozenset({"notifiers", "notifier"})
"""An address of theirs is often all that is needed to write there."""
_GIVES_ACCESS = re.compile(
    r"""://[^\s/@]*@|/usr/bin/env\b|\bsecret["']?[ \t]*:[ \t]*(?!["']?(?:env|file):|\s)"""
)
"""An address with a user; a command with its environment, as `import crontab` writes it; a reference to
a secret that is none, and perhaps the secret itself.
"""
_VARIABLES = re.compile(r"""\bvars["']?[ \t]*:""")
_SAYS_SO = re.compile(
    r"""\b\w*(?:token|passw|secret|credential|api_?key|private_?key)\w*["']?[ \t]*:""",
    re.IGNORECASE,
)
"""A variable whose name tells what it holds; others are what makes environments differ, and are quoted."""
_SIGNS = ("notifier", "://", "/usr/bin/env", "secret", "vars")
"""Where no argument is sensitive, nothing is without one of these."""
_MAY_NAME = (re.compile(rb"""sen[^\s:]*+["']?[ \t]*:"""), re.compile(rb"""itive["']?[ \t]*:"""))
"""More than `_KEY`, and found quickly."""
_INDENT = re.compile(r"[ \t-]*")
_HAS_A_KEY = re.compile(r"""[ \t-]*["']?[\w.$/{}-]+["']?[ \t]*:(?:\s|$)""")


def sensitive_names(text: str) -> frozenset[str]:
    """The arguments that any `sensitive` of the text names, and `kwargs` itself: there a name may have a
    slip in it. Empty when nothing is sensitive.
    """
    found = list(_NAMES.finditer(text))
    names = {name for one in found for name in _NAME.findall(one[1])}
    return frozenset(names | {"kwargs"}) if found else frozenset()


def may_hide(content: bytes) -> bool:
    """Whether a text has a line that is not to be quoted, where no other one names an argument. Yes in
    doubt: it is asked of large texts.
    """
    return any(sign.encode() in content for sign in _SIGNS) or any(
        names.search(content) for names in _MAY_NAME
    )


def sensitive_lines(lines: Sequence[str], names: frozenset[str]) -> frozenset[int]:
    """The numbers, from 1, of those on which one of these names stands, or what is as good as a key, with
    what goes on from there: deeper lines, and lines without a key.
    """
    text = "\n".join(lines)
    if not names and not any(sign in text for sign in _SIGNS):
        return frozenset()
    return frozenset(_of_names(lines, names | _ALWAYS))


def _of_names(lines: Sequence[str], names: frozenset[str]) -> Iterator[int]:
    named = _named_at(lines)
    above: int | None = None
    variables_above: int | None = None
    for number, line in enumerate(lines, start=1):
        indent = _indent(line)
        spans = named.get(number, ())
        words = (one.start() for one in _WORD.finditer(line) if one[0] in names)
        if _VARIABLES.search(line):
            variables_above = indent
        elif variables_above is not None and indent <= variables_above and _HAS_A_KEY.match(line):
            variables_above = None
        is_variable = variables_above is not None and _SAYS_SO.search(line)
        is_named = any(not _is_within(at, spans) for at in words)
        if is_named or is_variable or _GIVES_ACCESS.search(line):
            above = indent if above is None else min(above, indent)
        elif above is not None and indent <= above and _HAS_A_KEY.match(line):
            above = None
        if above is not None:
            yield number


def _named_at(lines: Sequence[str]) -> dict[int, list[tuple[int, int]]]:
    """Line → from where to where `sensitive` names something on it: names are no values."""
    text = "\n".join(lines)
    starts: dict[int, list[tuple[int, int]]] = {}
    number, begin = 1, 0
    for found in _NAMES.finditer(text):
        number += text.count("\n", begin, found.start())
        begin = found.start()
        at = begin - text.rfind("\n", 0, begin) - 1
        for further, part in enumerate(found[0].split("\n")):
            starts.setdefault(number + further, []).append((at, at + len(part)))
            at = 0
    return starts


def _is_within(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    before = bisect_right(spans, (at, maxsize)) - 1  # they stand in order, and apart
    return before >= 0 and at < spans[before][1]


def _indent(line: str) -> int:
    found = _INDENT.match(line)
    return 0 if found is None else found.end()
