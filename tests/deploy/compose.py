"""What docker-compose.yml and the Dockerfile say, as plain values."""

from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
PRODUCT_SERVICES = ("migrate", "beat", "worker", "watch", "web")
GIVEN_SERVICES = ("postgres", "redis", "flower", "prometheus", "grafana")


def read_compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    )
    return content


def command_of(service: str) -> list[str]:
    """The arguments of `jobrunner` in that service."""
    command: list[str] = read_compose()["services"][service]["command"]
    return command


def health_check_of(service: str) -> list[str]:
    """The arguments of `jobrunner` in that service's health check."""
    kind, program, *arguments = read_compose()["services"][service]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "jobrunner")
    return list(arguments)
