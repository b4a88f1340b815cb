"""docker-compose.yml and the Dockerfile hold together, and with the product."""

import re
import subprocess
import sys

import pytest

from jobrunner.settings import PART_NAMES, Settings
from tests.deploy.compose import (
    PRODUCT_SERVICES,
    REPOSITORY,
    command_of,
    health_check_of,
    read_compose,
)

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def help_of(*arguments: str) -> int:
    argv = [sys.executable, "-m", "jobrunner", *arguments, "--help"]
    return subprocess.run(argv, capture_output=True, check=False).returncode


def test_the_services_are_those_of_the_design() -> None:
    assert set(read_compose()["services"]) == {"postgres", "redis", *PRODUCT_SERVICES}


def test_there_are_two_beats() -> None:
    assert read_compose()["services"]["beat"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("service", PRODUCT_SERVICES)
def test_each_service_runs_a_command_that_exists(service: str) -> None:
    assert help_of(*command_of(service)) == 0


@pytest.mark.parametrize("service", ["beat", "worker", "watch"])
def test_each_health_check_is_a_command_that_exists(service: str) -> None:
    assert help_of(*health_check_of(service)) == 0


@pytest.mark.parametrize("service", PRODUCT_SERVICES)
def test_each_variable_is_a_setting(service: str) -> None:
    given = {
        name.removesuffix("_FILE") for name in read_compose()["services"][service]["environment"]
    }
    assert given <= {f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields} | {
        *PART_NAMES
    }


@pytest.mark.parametrize("service", ["postgres", *PRODUCT_SERVICES])
def test_each_secret_is_read_from_a_file_that_is_mounted(service: str) -> None:
    compose = read_compose()
    environment = compose["services"][service]["environment"]
    read = {value.rpartition("/")[2] for name, value in environment.items() if "_FILE" in name}
    assert read
    assert read <= set(compose["services"][service]["secrets"]) <= set(compose["secrets"])


def test_no_password_stands_in_the_file() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD:", text)


def test_no_container_writes_to_its_root() -> None:
    assert all(service["read_only"] for service in read_compose()["services"].values())


def test_every_named_volume_is_declared() -> None:
    compose = read_compose()
    mounts = [mount for each in compose["services"].values() for mount in each.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == set(compose["volumes"])


def test_every_file_of_the_project_that_is_mounted_exists() -> None:
    mounts = [mount for each in PRODUCT_SERVICES for mount in mounts_of(each)]
    missing = [mount for mount in mounts if not (REPOSITORY / mount).exists()]
    assert missing == []


def mounts_of(service: str) -> list[str]:
    volumes = read_compose()["services"][service]["volumes"]
    return [mount.split(":")[0] for mount in volumes if mount.startswith("./")]


def test_what_waits_for_the_migration_waits_for_its_success() -> None:
    services = read_compose()["services"]
    waits = {name: services[name]["depends_on"]["migrate"] for name in ("beat", "worker", "watch")}
    assert set(map(str, waits.values())) == {"{'condition': 'service_completed_successfully'}"}


def test_the_image_does_not_run_as_root() -> None:
    last_stage = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER jobrunner$", last_stage, re.MULTILINE)


def test_the_image_is_built_from_the_lock_by_hash() -> None:
    assert "--require-hashes --only-binary :all: --requirement requirements/core.txt" in DOCKERFILE


def test_every_file_that_the_image_is_built_from_exists() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    listed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert [path for path in listed if not (REPOSITORY / path).exists()] == []
