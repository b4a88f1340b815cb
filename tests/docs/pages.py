"""The pages as their readers have them: prose, and blocks of examples."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if ".venv" not in page.parts
)
_BLOCK = re.compile(
    r"^(?P<margin> *)```(?P<language>[a-z]*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """An example between two fences."""

    page: Path
    line: int
    language: str
    indentation: int
    """By how much its least indented line is."""
    text: str
    """Without that."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str) -> list[Block]:
    """All of one language, on all pages."""
    return [block for page in PAGES for block in blocks_of(page) if block.language == language]


def blocks_of(page: Path) -> Iterator[Block]:
    """All of one page, from above."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        within = textwrap.dedent(found["text"])
        lines = [line for line in found["text"].splitlines() if line.strip()]
        indentation = min((len(line) - len(line.lstrip()) for line in lines), default=0)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"], indentation - len(found["margin"]), within)


def typed(block: Block) -> list[str]:
    """The commands of a console block, those over several lines as one."""
    joined = re.sub(r" *\\\n *", " ", block.text)
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def inline(page: Path) -> list[str]:
    """What stands in backticks within the prose of a page."""
    return _INLINE.findall(_BLOCK.sub("", page.read_text("utf-8")))
