"""The pages hold together: every page is found, every link leads somewhere, every name is told of."""

import re
from pathlib import Path

import pytest

import jobrunner

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FAULTS = (DOCS / "explanation" / "faults.md").read_text("utf-8")
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if ".venv" not in page.parts
)


def links(page: Path) -> list[Path]:
    """The files that a page leads to."""
    found = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    return [(page.parent / link).resolve() for link in found]


def test_the_table_of_contents_leads_to_every_page() -> None:
    listed = set(links(DOCS / "README.md"))
    assert [page for page in DOCS.rglob("*.md") if page not in listed] == [DOCS / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []


def test_every_public_name_is_told_of() -> None:
    page = (DOCS / "reference" / "python.md").read_text("utf-8")
    assert [name for name in jobrunner.__all__ if f"## `jobrunner.{name}" not in page] == []


def test_every_fault_that_a_test_provokes_is_told_of() -> None:
    assert provoked_faults() - set(re.findall(r"^\| (\d+) \|", FAULTS, re.MULTILINE)) == set()


def test_every_fault_of_scheduler_and_worker_is_provoked_or_told_why_it_cannot_be() -> None:
    excused = re.findall(r"^Not tested here: \*\*(\d+)\*\*", FAULTS, re.MULTILINE)
    wanted = {str(number) for number in (*range(1, 53), 84, 85)}
    assert wanted - provoked_faults() == set(excused)


def provoked_faults() -> set[str]:
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(r"def test_fault_(\d+)_", tests))


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "comparison.md"], ids=str)
def test_every_measured_figure_stands_in_the_benchmarks(page: Path) -> None:
    measured = (DOCS / "benchmarks.md").read_text("utf-8")
    told = page.read_text("utf-8")
    told = told[told.find("## How fast") :] if page.name == "README.md" else told
    figures = re.findall(r"(?<![\w.])\d[\d.,]* (?:times|ms|s)\b", told)
    assert figures
    assert [
        figure for figure in figures if not re.search(rf"(?<![\d.,]){figure}\b", measured)
    ] == []


def test_the_readme_is_no_longer_than_a_newcomer_reads() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 170


def test_what_is_computed_on_paper_is_computed_rightly() -> None:
    page = (DOCS / "explanation" / "scaling.md").read_text("utf-8").replace(",", "")
    sums = re.findall(r"(\d+) ([/\u00d7]) (\d+)(?: m?s)? = (\d+)(?: |$)", page)
    assert len(sums) >= 6
    wrong = [one for one in sums if abs(computed(*one[:3]) - int(one[3])) > 0.5]
    assert wrong == []


def computed(left: str, operator: str, right: str) -> float:
    return int(left) / int(right) if operator == "/" else int(left) * int(right)
