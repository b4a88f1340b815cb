# ruff: noqa: INP001  a hook of mkdocs beside the pages, no package
"""The site in the order of the table of contents, which is written once: in `README.md`."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

_CONTENTS = Path(__file__).parent / "README.md"
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#]*)(?:#[^)]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Each heading of the contents is a tab, and each line below it a page."""
    config.nav = [{"Overview": "README.md"}]
    for section in _CONTENTS.read_text("utf-8").split("\n## ")[1:]:
        title, _, below = section.partition("\n")
        pages = re.findall(r"^(?:-|\d+\.) \[([^\]]+)\]\(([^)]+\.md)\)", below, re.MULTILINE)
        config.nav.append({title: [{name: path} for name, path in pages]})
    return config


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """What leads out of this folder has no page of the site: it is named by its place in the repository."""
    folder = posixpath.dirname(page.file.src_uri)

    def named(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        return f"{link[1]} (`{path[3:]}`)" if path.startswith("../") else link[0]

    return _LINK.sub(named, markdown)
