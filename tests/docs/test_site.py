"""The pages as a site: built without a network, without a warning, and without a request to anybody."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

LOADED_FROM_ELSEWHERE = re.compile(
    r"<(?:script|link|img|source|iframe)\b[^>]*\b(?:src|href|srcset)=[\"']?(?:https?:)?//[^>]*>"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix("") for page in DOCS.rglob("*.md")}
    built = {page.relative_to(site).with_suffix("") for page in site.rglob("*.html")}
    assert pages - built == {Path("README")}, "it is the index"


def test_no_page_of_the_site_loads_anything_from_elsewhere(site: Path) -> None:
    texts = [(page, page.read_text("utf-8")) for page in site.rglob("*.html")]
    found = [(page.name, LOADED_FROM_ELSEWHERE.findall(text)) for page, text in texts]
    assert [(name, loaded) for name, loaded in found if loaded] == []


def test_pictures_of_the_site_are_there(site: Path) -> None:
    pictures = [
        (page.parent / picture).resolve()
        for page in site.rglob("*.html")
        for picture in re.findall(
            r"(?:src|srcset)=\"([^\":]+\.(?:png|svg))\"", page.read_text("utf-8")
        )
    ]
    assert pictures
    assert [picture for picture in pictures if not picture.exists()] == []
