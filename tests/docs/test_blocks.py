"""Every example of the pages is what it says it is: YAML that is taken, imports and commands that exist."""

import ast
import importlib
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from jobrunner.spec.diagnostics import has_errors
from jobrunner.spec.keys import KEYS
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile
from tests.docs.commands import commands_in, refused
from tests.docs.pages import PAGES, ROOT, Block, blocks, blocks_of, typed

OF_OTHERS = {
    "apiVersion": "Kubernetes",
    "matrix": "a GitHub workflow",
    "repos": "pre-commit",
    "scrape_configs": "Prometheus",
    "services": "docker compose",
}
"""Whose a file is that begins with this key; it is not for us to say whether it is right."""
SURROUNDINGS = """\
version: 1
project: docs
allow: {commands: true}
celery: {app: "acme.celery:app"}
calendars: {company-holidays: {dates: ["2026-12-25"]}}
notifiers: {oncall: {url: "https://chat.example.com/hook"}, team: {url: "https://chat.example.com/team"}}
"""
"""What an example may refer to without showing it."""
TEMPLATE = "templates: {sync: {schedule: {every: 1h}}}\n"
LANGUAGES = {"yaml", "json", "python", "console", "sh", "text", "mermaid", ""}


def ours(block: Block) -> bool:
    tree = yaml.safe_load(block.text)
    return tree is not None and not (block.indentation == 0 and next(iter(tree)) in OF_OTHERS)


ERRORS = ROOT / "docs" / "reference" / "errors.md"
"""Its examples are wrong on purpose, and held by the tests of the format."""
SLIP = "evry:"
"""The one that the pages make to show what is said of it."""
OUR_YAML = [
    block
    for block in blocks("yaml")
    if block.page != ERRORS and SLIP not in block.text and ours(block)
]
COMMANDS = [
    (str(block), command)
    for block in [*blocks("console"), *blocks("sh")]
    for line in typed(block) or block.text.splitlines()
    for command in commands_in(line)
]


@pytest.mark.parametrize("block", OUR_YAML, ids=str)
def test_every_yaml_example_is_a_project_or_a_part_of_one(block: Block) -> None:
    config, job_file = as_files(block)
    files = [SourceFile("jobs.d/docs.yaml", job_file.encode())] if job_file else []
    parsed = parse_project(SourceFile("jobrunner.yaml", config.encode()), files, is_whole=False)
    told = [f"{one.code} {one.message}" for one in parsed.diagnostics]
    assert not has_errors(parsed.diagnostics), told


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_example_compiles_and_imports_what_there_is(block: Block) -> None:
    tree = ast.parse(block.text)
    assert [name for name in names_of_ours(tree) if not exists(name)] == []


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_example_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize(("where", "command"), COMMANDS)
def test_every_command_of_an_example_is_understood(where: str, command: str) -> None:
    assert refused(command) is None, where


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_fence_is_closed_and_in_a_language_that_is_held(page: Path) -> None:
    found = [*blocks_of(page)]
    assert page.read_text("utf-8").count("```") == 2 * len(found)
    assert {block.language for block in found} - LANGUAGES == set()


def as_files(block: Block) -> tuple[str, str]:
    """The project file and the job file that an example is, or a part of."""
    keys = set(yaml.safe_load(block.text))
    surroundings = SURROUNDINGS + ("" if "templates" in keys else TEMPLATE)
    if block.indentation >= 4 or (block.indentation == 0 and is_job(keys)):
        task = "" if keys & {"task", "celery_task", "command"} else "    task: acme.example\n"
        return surroundings, as_job_file(f"  example:\n{task}{indented(block.text, 4)}")
    if block.indentation == 2:
        return surroundings, as_job_file(indented(block.text, 2))
    if keys <= set(KEYS["a job file"]):
        return surroundings, with_head(block.text, keys, "version: 1", "namespace: docs")
    return with_head(block.text, keys, "version: 1"), ""


def is_job(keys: set[str]) -> bool:
    return bool(keys & {"task", "celery_task", "command"}) and "jobs" not in keys


def as_job_file(jobs: str) -> str:
    return f"version: 1\nnamespace: docs\njobs:\n{jobs}"


def with_head(text: str, keys: set[str], *lines: str) -> str:
    missing = [line for line in lines if line.split(":")[0] not in keys]
    return "".join(f"{line}\n" for line in missing) + text


def indented(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in text.splitlines())


def names_of_ours(tree: ast.AST) -> Iterator[str]:
    """The names of jobrunner that a piece of code imports, or takes from what it imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name.startswith("jobrunner"))
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("jobrunner"):
                yield from (f"{module}:{one.name}" for one in names)
            case ast.Attribute(value=ast.Name(id="jobrunner" as module), attr=attribute):
                yield f"{module}:{attribute}"


def exists(name: str) -> bool:
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    return (
        not attribute or hasattr(found, attribute) or find_spec(f"{module}.{attribute}") is not None
    )
