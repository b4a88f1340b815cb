"""examples/fastapi-reports as its docker-compose.yml runs it: on servers with passwords, by its commands."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from jobrunner.embedded.binaries import find_binaries
from jobrunner.embedded.children import Supervisor
from tests.deploy.given_servers import PASSWORD, GivenServers, open_given_servers
from tests.examples.fastapi_reports import (
    EXAMPLE,
    KEY,
    PATIENCE_SECONDS,
    Api,
    ask,
    copy_example,
    ended,
    free_port,
)
from tests.project import Project, open_project
from tests.waiting import wait_until

COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLE / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OWN = ("migrate", "api", "worker", "beat", "flower")


@dataclass(frozen=True)
class Deployed:
    """A folder with the environment of the compose file."""

    project: Project
    port: int

    def command_of(self, service: str) -> list[str]:
        """As the compose file has it, on a port that is free here."""
        return [word.replace("8000", str(self.port)) for word in SERVICES[service]["command"]]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.project.path,
            env=self.project.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def is_healthy(self, service: str) -> bool:
        return self.run(*SERVICES[service]["healthcheck"]["test"][1:]).returncode == 0


def environment_of_compose(project: Project, servers: GivenServers) -> dict[str, str]:
    """Its variables, with the servers and the secrets where they are here."""
    secrets = {
        "/run/secrets/database_password": PASSWORD,
        "/run/secrets/broker_password": PASSWORD,
        "/run/secrets/jwt_key": KEY,
    }
    files = {
        place: str(project.write(f"secrets/{number}", f"{secret}\n"))
        for number, (place, secret) in enumerate(secrets.items())
    }
    here = servers.environment
    ports = {name: here[name] for name in ("POSTGRES_PORT", "REDIS_PORT")}
    told = {
        name: files.get(value, here.get(name, value))
        for name, value in SERVICES["api"]["environment"].items()
    }
    return {**told, **ports, "REPORTS_WORK_SECONDS": "0"}


@pytest.fixture(scope="module")
def deployed(supervisor: Supervisor) -> Iterator[Deployed]:
    """Servers whose password has every character that means something in a URL."""
    with (
        open_given_servers(find_binaries()) as servers,
        open_project(supervisor, "", "") as project,
    ):
        copy_example(project.path)
        project.environment |= environment_of_compose(project, servers)
        made = Deployed(project, free_port())
        migrated = made.run(*made.command_of("migrate"))
        assert migrated.returncode == 0, migrated.stderr
        yield made


def test_its_commands_make_a_report_with_a_password_of_any_characters(deployed: Deployed) -> None:
    assert PASSWORD.startswith("p@ss/w:rd#1")
    assert deployed.run("python", "-m", "reports.seed").returncode == 0
    for service in ("api", "worker", "beat"):
        deployed.project.start_program(*deployed.command_of(service))
    api = Api(deployed.port)
    api.wait_for_answers()
    with api.of("ada") as ada:
        assert ended(ada, ask(ada, 1))["status"] == "SUCCESS"
    wait_until(lambda: deployed.is_healthy("worker"), timeout_seconds=PATIENCE_SECONDS)
    wait_until(lambda: deployed.is_healthy("beat"), timeout_seconds=PATIENCE_SECONDS)


def test_migrating_again_changes_nothing(deployed: Deployed) -> None:
    again = deployed.run(*deployed.command_of("migrate"))
    assert (again.returncode, "No changes." in again.stdout) == (0, True)


def test_the_settings_are_one_object_with_urls_that_hold_the_password(deployed: Deployed) -> None:
    told = deployed.run(
        "python",
        "-c",
        "from reports.settings import settings; from reports.celery_app import app; "
        "print(repr(settings().database_url.password)); "
        "print(repr(app.connection().password)); "
        "print(app.conf.accept_content, app.conf.timezone, app.conf.worker_send_task_events)",
    )
    assert told.stdout.splitlines() == [
        repr(PASSWORD),
        repr(PASSWORD),
        "['json'] Europe/Berlin True",
    ]


def test_api_worker_beat_servers_and_flower_are_services_without_a_default_password() -> None:
    assert sorted(SERVICES) == sorted([*OWN, "postgres", "redis"])
    assert all(not name.endswith("PASSWORD") for name in SERVICES["api"]["environment"])
    assert SERVICES["worker"]["command"][-1] == "-E"


@pytest.mark.parametrize("service", OWN)
def test_own_services_run_without_rights_and_write_nowhere_but_to_their_volume(
    service: str,
) -> None:
    found = SERVICES[service]
    assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])
    assert found["volumes"] == ["files:/project/files"]
