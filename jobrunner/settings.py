"""What the process is told by its surroundings: where the servers are and what it may do.

Read once by the entries (`load_settings`) and passed down. What jobs are and when they run stands
in YAML (`spec/`); what differs from machine to machine stands here, in environment variables.

The database is, in this order: `JOBRUNNER_DATABASE_URL` · its parts `POSTGRES_HOST`, `_PORT`,
`_USER`, `_PASSWORD`, `_DB` · the private server of a running `jobrunner up` (its
`.jobrunner/endpoints.json`, looked for from the working directory upwards). The broker likewise:
`JOBRUNNER_BROKER_URL` · `REDIS_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DB` · `jobrunner up`. Each
name may instead be given as `NAME_FILE`, a file that holds the value (Docker and Kubernetes secrets).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import NoDecode

from jobrunner.errors import UsageError

RUN_DIRECTORY = ".jobrunner"
ENDPOINTS_FILE = "endpoints.json"


def _split_words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
"""Several words in one variable, separated by commas or spaces."""


class Settings(BaseSettings):
    """All settings of a process. Every field is the variable `JOBRUNNER_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="JOBRUNNER_", frozen=True, extra="ignore")

    database_url: str = ""
    """`postgresql://user:password@host:port/name`; '' when no database is known."""
    broker_url: str = ""
    """`redis://…`, `redis+socket://…`, `amqp://…`; '' when no broker is known."""
    environment: str = ""
    """The environment of the project file that applies; '' is none."""
    allow_tasks: Words = ()
    """The worker's own allow-list of dotted paths (`acme.*`); () allows what the project file allows."""
    worker_grace_seconds: float = Field(default=25.0, ge=0)
    """How long a worker that is told to stop lets its runs go on; it is gone 5 s later at most."""
    worker_name: str = ""
    """Shown with each run; '' is Celery's `celery@host`."""
    run_directory: Path = Path(RUN_DIRECTORY)
    """Where `up` keeps its servers' data, the editor schema and the endpoints file."""
    log_format: str = Field(default="console", pattern="^(console|json)$")
    """How the processes log: `console` for people, `json` one object a line."""


class Endpoints(BaseModel):
    """The URLs of the private servers, written by `up` while it runs."""

    model_config = ConfigDict(frozen=True)

    database_url: str
    broker_url: str


def load_settings(environ: Mapping[str, str], working_directory: Path) -> Settings:
    """Settings from the environment, and from a running `up` where the environment names no server.

    Raises UsageError with the variable's name when a value cannot be used.
    """
    values = _with_files_read(environ)
    endpoints = _find_endpoints(working_directory)
    if not values.get("JOBRUNNER_DATABASE_URL"):
        from_parts = _database_url_from_parts(values)
        values["JOBRUNNER_DATABASE_URL"] = from_parts or (endpoints.database_url if endpoints else "")
    if not values.get("JOBRUNNER_BROKER_URL"):
        from_parts = _broker_url_from_parts(values)
        values["JOBRUNNER_BROKER_URL"] = from_parts or (endpoints.broker_url if endpoints else "")
    try:
        return _settings_from(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = "JOBRUNNER_" + "_".join(str(part) for part in first["loc"]).upper()
        raise UsageError(
            f"{name}={first['input']!r} cannot be used: {first['msg'].lower()}.",
            hint=f"Correct or unset {name}.",
        ) from error


def _settings_from(values: Mapping[str, str]) -> Settings:
    class Given(Settings):
        """The same fields, read from `values` rather than from the process environment."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the hook's signature
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            source = EnvSettingsSource(settings_cls)
            source.env_vars = {name.lower(): value for name, value in values.items()}
            return (source,)

    return Settings.model_construct(**Given().model_dump())


def _with_files_read(environ: Mapping[str, str]) -> dict[str, str]:
    values = {
        name: value
        for name, value in environ.items()
        if name.startswith(("JOBRUNNER_", "POSTGRES_", "REDIS_"))
    }
    for name in [name for name in values if name.endswith("_FILE")]:
        try:
            content = Path(values[name]).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{name} names {values[name]}, which cannot be read: {error.strerror}.",
                hint=f"Correct {name}, or give {name.removesuffix('_FILE')} itself.",
            ) from error
        values.setdefault(name.removesuffix("_FILE"), content.rstrip("\r\n"))
    return values


def _database_url_from_parts(values: Mapping[str, str]) -> str:
    host = values.get("POSTGRES_HOST", "")
    if not host:
        return ""
    user = values.get("POSTGRES_USER", "postgres")
    name = values.get("POSTGRES_DB", "") or user
    credentials = _credentials(user, values.get("POSTGRES_PASSWORD", ""))
    port = values.get("POSTGRES_PORT", "5432")
    if host.startswith("/"):  # a socket folder has no place in a URL's authority
        return f"postgresql://{credentials}@/{quote(name, safe='')}?host={quote(host, safe='')}&port={port}"
    return f"postgresql://{credentials}@{_bracketed(host)}:{port}/{quote(name, safe='')}"


def _broker_url_from_parts(values: Mapping[str, str]) -> str:
    host = values.get("REDIS_HOST", "")
    if not host:
        return ""
    user, password = values.get("REDIS_USER", ""), values.get("REDIS_PASSWORD", "")
    credentials = f"{_credentials(user, password)}@" if user or password else ""
    return f"redis://{credentials}{_bracketed(host)}:{values.get('REDIS_PORT', '6379')}/{values.get('REDIS_DB', '0')}"


def _credentials(user: str, password: str) -> str:
    return quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _find_endpoints(working_directory: Path) -> Endpoints | None:
    for folder in (working_directory, *working_directory.parents):
        file = folder / RUN_DIRECTORY / ENDPOINTS_FILE
        if file.is_file():
            return Endpoints.model_validate(json.loads(file.read_text(encoding="utf-8")))
    return None
