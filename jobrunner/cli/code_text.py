"""What `jobrunner explain E304` says of a code."""

import re
from collections.abc import Iterator

from jobrunner.cli.style import style
from jobrunner.errors import NotFound
from jobrunner.spec.codes.code import Code
from jobrunner.spec.codes.table import CODES
from jobrunner.spec.guesses import did_you_mean
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.states import Role

_CODE = re.compile(r"[A-Za-z][0-9]{3}")


def is_code(text: str) -> bool:
    """Whether it is meant for one: no key of the files looks so."""
    return _CODE.fullmatch(text) is not None


def code_lines(name: str) -> Iterator[str]:
    """Meaning, a bad example, the mended one. Raises NotFound."""
    code = CODES.get(name.upper())
    if code is None:
        guess = did_you_mean(name.upper(), tuple(CODES))
        hint = f"Did you mean {guess}?" if guess else "docs/reference/errors.md has all of them."
        raise NotFound(f"There is no code {name.upper()}.", hint=hint)
    role: Role = "warn" if name.upper().startswith("W") else "bad"
    yield f"{style(name.upper(), role)}  {style(_plain(code.title), 'strong')}"
    for paragraph in code.text.strip().split("\n\n"):
        yield ""
        yield f"  {_plain(' '.join(paragraph.split()))}"
    yield from _example_lines(code)


def _example_lines(code: Code) -> Iterator[str]:
    if code.python:
        yield from _block("acme/tasks.py", code.python)
    if code.bad:
        chosen = f", with -e {code.environment}" if code.environment else ""
        yield from _block(f"Not so{' in jobrunner.yaml' if code.is_project else ''}", code.bad)
        yield from _block(f"But so{chosen}", code.good)


def _block(heading: str, text: str) -> Iterator[str]:
    yield ""
    yield f"  {style(f'{heading}:', 'quiet')}"
    yield from (f"    {safe(line.replace(chr(9), ' '))}" for line in text.splitlines())


def _plain(markdown: str) -> str:
    """As a terminal shows it: keys and values in quotes, as in the messages."""
    return markdown.replace("`", "'")
