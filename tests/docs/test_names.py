"""Every name that the pages write is one that there is: commands, options, settings, keys, metrics."""

import json
import re
from pathlib import Path

import click
import pytest

from jobrunner.cli.main import group
from jobrunner.metrics.names import OF_CELERY, OWN
from jobrunner.settings import PART_NAMES, Settings
from jobrunner.spec.codes.table import CODES
from jobrunner.spec.keys import KEYS
from tests.docs.commands import commands_in, refused
from tests.docs.pages import PAGES, ROOT, inline

SETTINGS = {f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields} | set(PART_NAMES)
OTHER_VARIABLES = {
    "JOBRUNNER_TEST_DATABASE_URL", "JOBRUNNER_TEST_BROKER_URL",  # of the tests
    "JOBRUNNER_RUN_ID", "JOBRUNNER_JOB", "JOBRUNNER_ATTEMPT", "JOBRUNNER_SCHEDULED_FOR",  # for a command
}  # fmt: skip
METRICS = {metric.name for metric in (*OWN, *OF_CELERY)}
ROUTES = json.loads((ROOT / "tests" / "web" / "openapi.json").read_text("utf-8"))["paths"]
NO_METRICS = {"jobrunner_celery", "jobrunner_token"}
"""A name in an example of Python, and one of a file."""
NO_KEYS = {"evry", "lost", "stop_grace_period", "workers"}
"""A slip on purpose, an error, a key of docker compose, an argument."""
HISTORY = {"CHANGELOG.md", "decisions"}
"""What was so once may be otherwise by now."""
CURRENT = [page for page in PAGES if not HISTORY & set(page.parts)]
OF_PEOPLE = [page for page in CURRENT if page.name not in {"commands.md", "yaml.md"}]
"""Those two are made from the commands and the models themselves."""


def all_options(command: click.Command) -> set[str]:
    own = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    if not isinstance(command, click.Group):
        return own
    context = click.Context(command)
    below = [command.get_command(context, name) for name in command.list_commands(context)]
    return own.union(*(all_options(one) for one in below if one is not None))


OPTIONS = all_options(group) | {"--help"}
ALL_KEYS = {key for keys in KEYS.values() for key in keys}


of_current_pages = pytest.mark.parametrize(
    "page", CURRENT, ids=lambda page: str(page.relative_to(ROOT))
)
of_pages_by_people = pytest.mark.parametrize(
    "page", OF_PEOPLE, ids=lambda page: str(page.relative_to(ROOT))
)


def words(pattern: str, page: Path) -> set[str]:
    return set(re.findall(pattern, page.read_text("utf-8")))


@of_current_pages
def test_every_variable_is_a_setting(page: Path) -> None:
    named = words(r"\b(?:JOBRUNNER|POSTGRES|REDIS)_[A-Z0-9_]*[A-Z0-9]\b", page)
    assert {name for name in named if not is_variable(name)} == set()


@of_current_pages
def test_every_metric_is_measured(page: Path) -> None:
    named = {
        re.sub("_(bucket|sum|count)$", "", name)
        for name in words(r"\bjobrunner_[a-z_]+[a-z]\b", page)
    }
    assert named - METRICS - NO_METRICS == set()


@of_current_pages
def test_every_code_is_of_a_diagnostic(page: Path) -> None:
    assert words(r"\b[EW]\d{3}\b", page) - set(CODES) == set()


@of_current_pages
def test_every_route_is_served(page: Path) -> None:
    assert {path for path in words(r"/api/v1/[\w/{}.-]*[\w}]", page) if not is_route(path)} == set()


@of_pages_by_people
def test_every_command_in_the_prose_is_understood(page: Path) -> None:
    named = [command for text in inline(page) for command in commands_in(text)]
    told = [(command, refused(re.sub("(?<= )[A-Z]+", "1", command))) for command in named]
    assert [(command, why) for command, why in told if why and not is_incomplete(why)] == []


@pytest.mark.parametrize(
    "page", [page for page in OF_PEOPLE if "examples" not in page.parts], ids=lambda page: page.stem
)
def test_every_option_in_the_prose_exists(page: Path) -> None:
    texts = [text for text in inline(page) if text.startswith(("--", "jobrunner "))]
    named = {option for text in texts for option in re.findall(r"(?:^| )(--[a-z-]+)", text)}
    assert named - OPTIONS == set()


@of_pages_by_people
def test_every_key_with_a_value_in_the_prose_exists(page: Path) -> None:
    named = {found[1] for text in inline(page) if (found := re.match(r"([a-z_]+): \S", text))}
    assert named - ALL_KEYS - NO_KEYS == set()


def is_variable(name: str) -> bool:
    return name.removesuffix("_FILE") in SETTINGS | OTHER_VARIABLES or name.startswith(
        "JOBRUNNER_VAR_"
    )


def is_route(path: str) -> bool:
    return any(
        re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route)), path) for route in ROUTES
    )


def is_incomplete(why: str) -> bool:
    """A command that is only named, without the arguments it needs."""
    return why.startswith(("Missing", "Usage"))
