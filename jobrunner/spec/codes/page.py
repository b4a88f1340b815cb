"""`docs/reference/errors.md`, made from the codes."""

from collections.abc import Iterator

from jobrunner.spec.codes.code import Code
from jobrunner.spec.codes.table import SECTIONS

_INTRODUCTION = """\
# Error codes

Generated from `jobrunner/spec/codes/` by `python docs/make_reference.py`; edit the texts there.

`jobrunner validate`, `plan` and `apply` tell every mistake of all files at once, each with its
code, its place and what to write instead; `jobrunner explain CODE` shows what stands here. A code never
changes its meaning. Codes that start with `W` are warnings about what is allowed and probably not
meant: they stop nothing but `validate --strict`.
"""


def errors_reference() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for heading, codes in SECTIONS.items():
        yield f"## {heading}\n"
        for name, code in codes.items():
            yield f"### {name} {code.title}\n{code.text}"
            yield from _example(code)


def _example(code: Code) -> Iterator[str]:
    if code.python:
        yield _block(code.python, "python", "With this in `acme/tasks.py`,")
    if code.bad:
        file = " in `jobrunner.yaml`" if code.is_project else ""
        yield _block(code.bad, "yaml", f"{'n' if code.python else 'N'}ot so{file}:")
        chosen = f", with `-e {code.environment}`" if code.environment else ""
        yield _block(code.good, "yaml", f"But so{chosen}:")


def _block(text: str, language: str, heading: str) -> str:
    return f"{heading}\n\n```{language}\n{text}```\n"
