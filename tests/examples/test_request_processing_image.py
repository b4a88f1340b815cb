"""What docker-compose.yml and the Dockerfile of examples/request-processing say holds together."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.examples.request_processing import EXAMPLE

COMPOSE: dict[str, Any] = yaml.safe_load(
    (EXAMPLE / "docker-compose.yml").read_text(encoding="utf-8")
)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = ("web", "apply", "beat", "worker")
DOCKERFILE = (EXAMPLE / "Dockerfile").read_text(encoding="utf-8")


def help_of(arguments: list[str]) -> int:
    argv = [sys.executable, "-m", "jobrunner", *arguments, "--help"]
    return subprocess.run(argv, capture_output=True, check=False).returncode


def test_three_replicas_serve_and_two_beats_tick() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OWN}
    assert SERVICES["web"]["deploy"]["replicas"] == 3
    assert SERVICES["beat"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("service", ["apply", "beat", "worker"])
def test_each_command_exists(service: str) -> None:
    program, *arguments = SERVICES[service]["command"]
    assert program == "jobrunner"
    assert help_of(arguments) == 0


def test_no_password_stands_in_the_files() -> None:
    text = (EXAMPLE / "docker-compose.yml").read_text(encoding="utf-8") + DOCKERFILE
    assert not re.search(r"(PASSWORD|SECRET_KEY)[:=]", text)


@pytest.mark.parametrize("service", ["postgres", *OWN])
def test_each_secret_is_read_from_a_file_that_is_mounted(service: str) -> None:
    environment = SERVICES[service]["environment"]
    read = {value.rpartition("/")[2] for name, value in environment.items() if "_FILE" in name}
    assert read
    assert read <= set(SERVICES[service]["secrets"]) <= set(COMPOSE["secrets"])


def test_no_container_writes_to_its_root_and_none_of_ours_is_root() -> None:
    assert all(one["read_only"] for one in SERVICES.values())
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1] == "jobrunner"


def test_what_is_kept_beside_the_root_is_mounted() -> None:
    folders = dict(re.findall(r"(RUN_FOLDER|SCRATCH_FOLDER)=(\S+)", DOCKERFILE))
    assert folders == {"RUN_FOLDER": "/tmp/run", "SCRATCH_FOLDER": "/scratch"}  # noqa: S108
    assert all("/tmp" in SERVICES[one]["tmpfs"] for one in OWN)  # noqa: S108
    assert all("scratch:/scratch" in SERVICES[one]["volumes"] for one in OWN)
