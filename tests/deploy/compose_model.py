"""What docker-compose.yml may hold: the keys we use, of the Compose Specification, each with its type."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _matching(pattern: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} does not match {pattern}")
        return value

    return AfterValidator(check)


Duration = Annotated[StrictStr, _matching(r"(\d+(us|ms|s|m|h))+")]
Size = Annotated[StrictStr, _matching(r"\d+(b|k|m|g|kb|mb|gb)")]
Path = Annotated[StrictStr, _matching(r"/[^:]*")]
Mount = Annotated[StrictStr, _matching(r"(\./[^:]+|[a-z_]+):/[^:]+(:ro)?")]
# To this machine alone: what is published to all addresses passes by most firewalls.
Port = Annotated[StrictStr, _matching(r"127\.0\.0\.1:\d+:\d+")]
# A name that says which release, to which a digest may be added.
Image = Annotated[StrictStr, _matching(r"([a-z]+/)?[a-z]+:v?\d+(\.\d+)*(@sha256:[0-9a-f]{64})?")]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


class Dependency(_Model):
    condition: Condition


class HealthCheck(_Model):
    test: Annotated[list[StrictStr], Field(min_length=2)]
    interval: Duration
    timeout: Duration
    start_period: Duration = "0s"
    retries: StrictInt


class Deploy(_Model):
    replicas: StrictInt


class Service(_Model):
    image: Image | Literal["jobrunner"]
    build: Literal["."] | None = None
    init: StrictBool = False
    profiles: list[StrictStr] = []
    entrypoint: list[StrictStr] = []
    command: list[StrictStr] = []
    environment: dict[StrictStr, StrictStr] = {}
    secrets: list[StrictStr] = []
    volumes: list[Mount] = []
    ports: list[Port] = []
    tmpfs: list[Path] = []
    shm_size: Size = "64mb"
    read_only: StrictBool = False
    cap_drop: list[Literal["ALL"]] = []
    security_opt: list[Literal["no-new-privileges:true"]] = []
    restart: Restart = "no"
    stop_grace_period: Duration = "10s"
    depends_on: dict[StrictStr, Dependency] = {}
    healthcheck: HealthCheck | None = None
    deploy: Deploy = Deploy(replicas=1)


class Secret(_Model):
    file: Annotated[StrictStr, _matching(r"\./secrets/[a-z_]+")]


class Compose(_Model):
    """The whole file, without its anchors (`x-…`)."""

    services: dict[StrictStr, Service]
    volumes: dict[StrictStr, None]
    secrets: dict[StrictStr, Secret]


def parse_compose(content: dict[str, object]) -> Compose:
    """Raises pydantic's ValidationError with each place that is wrong."""
    return Compose.model_validate(
        {name: value for name, value in content.items() if not name.startswith("x-")}
    )
