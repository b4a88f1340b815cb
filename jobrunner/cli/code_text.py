"""What `jobrunner explain E304` says of a code, and `jobrunner explain` of all of them."""

import re
from collections.abc import Iterator

from jobrunner.cli.style import style
from jobrunner.errors import NotFound
from jobrunner.spec.codes.code import Code
from jobrunner.spec.codes.table import CODES, SECTIONS
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
        hint = f"Did you mean {guess}?" if guess else "`jobrunner explain` lists all codes."
        raise NotFound(f"There is no code {name.upper()}.", hint=hint)
    yield f"{_styled(name.upper())}  {style(_plain(code.title), 'strong')}"
    for paragraph in code.text.strip().split("\n\n"):
        yield ""
        yield f"  {_plain(' '.join(paragraph.split()))}"
    yield from _example_lines(code)


def all_codes_lines() -> Iterator[str]:
    """Every code with its title, under the headings of the reference."""
    for heading, codes in SECTIONS.items():
        yield style(heading, "strong")
        yield from (f"  {_styled(name)}  {_plain(code.title)}" for name, code in codes.items())
        yield ""
    yield "`jobrunner explain E304` tells more of one, `jobrunner explain jobs` a job's keys."


def _styled(name: str) -> str:
    role: Role = "warn" if name.startswith("W") else "bad"
    return style(name, role)


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
