"""docker-compose.yml and the Dockerfile hold together, and with the product."""

import re
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from jobrunner.settings import PART_NAMES, Settings
from tests.cli.calling import call
from tests.deploy.compose import (
    GIVEN_SERVICES,
    PRODUCT_SERVICES,
    REPOSITORY,
    command_of,
    health_check_of,
    read_compose,
)
from tests.deploy.compose_model import Service, parse_compose

SERVICES = parse_compose(read_compose()).services
PROVISIONING = REPOSITORY / "deploy" / "grafana" / "provisioning"


def help_of(*arguments: str) -> int:
    return call(*arguments, "--help").exit_code


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {*GIVEN_SERVICES, *PRODUCT_SERVICES}


def test_what_only_some_want_has_a_profile() -> None:
    profiles = {name: service.profiles for name, service in SERVICES.items() if service.profiles}
    assert profiles == {
        "flower": ["flower"],
        "prometheus": ["prometheus", "grafana"],
        "grafana": ["grafana"],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"ports": ["8620:8620"]},
        {"image": "postgres"},
        {"image": "postgres:latest"},
        {"command": "beat"},
        {"restart": False},
        {"volumes": ["/:/host"]},
        {"enviroment": {}},
    ],
)
def test_the_model_of_the_file_finds_what_is_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Service.model_validate({"image": "jobrunner", **wrong})


def test_what_is_waited_for_is_a_service_that_can_tell() -> None:
    waits = [(name, on) for service in SERVICES.values() for name, on in service.depends_on.items()]
    healthy = {name for name, on in waits if on.condition == "service_healthy"}
    assert {name for name, _ in waits} <= set(SERVICES)
    assert [name for name in healthy if SERVICES[name].healthcheck is None] == []


def test_there_are_two_beats() -> None:
    assert read_compose()["services"]["beat"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("service", PRODUCT_SERVICES)
def test_each_service_runs_a_command_that_exists(service: str) -> None:
    assert help_of(*command_of(service)) == 0


@pytest.mark.parametrize("service", ["beat", "worker", "watch", "web"])
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
    assert [name for name, service in SERVICES.items() if not service.read_only] == []


@pytest.mark.parametrize("service", [*PRODUCT_SERVICES, "flower", "prometheus", "grafana"])
def test_no_container_has_a_right_that_it_does_not_need(service: str) -> None:
    found = SERVICES[service]
    assert (found.cap_drop, found.security_opt) == (["ALL"], ["no-new-privileges:true"])


def test_every_named_volume_is_declared() -> None:
    compose = read_compose()
    mounts = [mount for each in compose["services"].values() for mount in each.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == set(compose["volumes"])


def test_every_file_of_the_project_that_is_mounted_exists() -> None:
    mounts = [mount for each in SERVICES for mount in mounts_of(each)]
    missing = [mount for mount in mounts if not (REPOSITORY / mount).exists()]
    assert missing == []


def mounts_of(service: str) -> list[str]:
    return [mount.split(":")[0] for mount in SERVICES[service].volumes if mount.startswith("./")]


def test_grafana_finds_its_prometheus_and_its_dashboard() -> None:
    datasources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    providers = yaml.safe_load((PROVISIONING / "dashboards" / "jobrunner.yml").read_text())
    folder = providers["providers"][0]["options"]["path"]
    assert datasources["datasources"][0]["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/jobrunner.json:{folder}/jobrunner.json:ro" in (
        SERVICES["grafana"].volumes
    )


def test_prometheus_is_let_in_by_the_name_that_it_uses() -> None:
    scraped = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
    target = scraped["scrape_configs"][0]["static_configs"][0]["targets"][0]
    environment = SERVICES["web"].environment
    assert target == f"{environment['JOBRUNNER_WEB_HOSTS']}:8620"
    assert environment["JOBRUNNER_METRICS_OPEN"] == "true"


def test_what_waits_for_the_migration_waits_for_its_success() -> None:
    waits = {SERVICES[name].depends_on["migrate"].condition for name in PRODUCT_SERVICES[1:]}
    assert waits == {"service_completed_successfully"}


def test_every_file_that_the_image_is_built_from_exists() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    listed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert [path for path in listed if not (REPOSITORY / path).exists()] == []
