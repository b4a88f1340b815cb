"""What the process is told by its surroundings: where the servers are and what it may do.

Read once by the entries (`load_settings`) and passed down. What jobs are and when they run stands
in YAML (`spec/`); what differs from machine to machine stands here, in environment variables.

The database is, in this order: `JOBRUNNER_DATABASE_URL` · its parts `POSTGRES_HOST`, `_PORT`,
`_USER`, `_PASSWORD`, `_DB` · the private server of a running `jobrunner up` (its
`endpoints.json` in the run directory, looked for from here upwards). The broker likewise:
`JOBRUNNER_BROKER_URL` · `REDIS_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DB` · `jobrunner up`. Each
name may instead be given as `NAME_FILE`, a file that holds the value (Docker and Kubernetes secrets).
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jobrunner.errors import UsageError

RUN_DIRECTORY = ".jobrunner"
ENDPOINTS_FILE = "endpoints.json"
PREFIX = "JOBRUNNER_"
VARIABLE_PREFIX = "JOBRUNNER_VAR_"
_PARTS = ("HOST", "PORT", "USER", "PASSWORD", "DB")
PART_NAMES = tuple(f"{server}_{part}" for server in ("POSTGRES", "REDIS") for part in _PARTS)
"""The variables that name a server by its parts."""
_NO_SETTING = re.compile(
    rf"{PREFIX}(VAR|TEST|CRASH)_|{PREFIX}([A-Z0-9]+_)*(SERVICE_HOST|(SERVICE_)?PORT(_.+)?)$"
)
"""Variables of ours with a purpose of their own, and those that Kubernetes sets in each pod beside a Service
whose name begins like our prefix.
"""
_LEAST_LIKENESS = 0.9
"""Of a name that is taken for a misspelt one, as difflib's ratio."""
_SHORTEST = 3
"""`ENV` and `BROKER` are taken for the beginning of a setting, `DE` is not."""


def _split_words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split_words)]
"""Several words in one variable, separated by commas or spaces."""


class Settings(BaseModel):
    """All settings of a process. Every field is the variable `JOBRUNNER_<FIELD>`; '' is as if unset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = ""
    """`postgresql://user:password@host:port/name`; '' when no database is known."""
    broker_url: str = ""
    """`redis://…`, `redis+socket://…`, `amqp://…`; '' when no broker is known."""
    config: str = ""
    """The project file; '' is `jobrunner.yaml`, looked for from the working directory upwards."""
    environment: str = ""
    """The environment of the project file that applies; '' is none."""
    allow_tasks: Words = ()
    """The worker's own allow-list of dotted paths (`acme.*`); () allows what the project file does."""
    allow_commands: bool = False
    """Whether this worker runs jobs that are a `command`."""
    secrets_allow: Words = ()
    """The worker's own allow-list of secrets, such as `env:REPORTS_*`; () allows none."""
    encryption_keys: Words = Field(default=(), repr=False)
    """Keys for `sensitive` arguments, the newest first: each 32 bytes in URL-safe base64."""
    worker_memory_mebibytes: int = Field(default=0, ge=0)
    """A run whose processes hold more is ended as lost; 0 is no limit."""
    worker_grace_seconds: float = Field(default=25.0, ge=0)
    """How long a worker that is told to stop lets its runs go on; it is gone 5 s later at most."""
    check_tasks: Literal["static", "import", "off"] = "static"
    """How `plan`, `apply`, `watch` and `validate` check what jobs call against its code."""
    run_directory: Path = Path(RUN_DIRECTORY)
    """Where `up` keeps its servers' data, the editor schema and the endpoints file."""
    log_format: str = Field(default="console", pattern="^(console|json)$")
    """How the processes log: `console` for people, `json` one object a line."""
    web_prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """The path below which a proxy shows the pages and the API, such as `/jobs`; '' is none."""
    web_hosts: Words = ()
    """Names that a request may be for (`jobs.example.com`); () is those of this machine alone."""
    web_proxies: Words = ()
    """Addresses of proxies whose word about the caller's address is taken; () is nobody's."""
    jwt_key: str = Field(default="", repr=False)
    """With which a host application signs JWTs (HS256) for its users, 32 bytes or more; '' is none."""
    jwt_jwks: str = ""
    """Where the public keys of JWTs are: an https URL or a file (JWKS); '' is nowhere."""
    jwt_audience: str = ""
    """The `aud` that a JWT must have; required with `jwt_jwks`, whose keys sign for others, too."""
    jwt_issuer: str = ""
    """The `iss` that a JWT must have; '' asks for none."""
    jwt_role_claim: str = "role"
    """The claim that names the role; without it, its subject reads jobs and his own runs."""
    web_requests_per_second: float = Field(default=50.0, ge=0)
    """How many requests of one token, and of one address, are answered at length; 0 is no limit."""
    web_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+(/[A-Za-z0-9._~/-]*)?)?$")
    """Where people reach the pages, such as `https://jobs.example.com`: alerts link to it; '' is nowhere."""
    alerts_signing_key: str = Field(default="", repr=False)
    """With which web hooks are signed (HMAC-SHA256), 32 bytes or more; '' signs none."""
    alerts_allow_private: bool = False
    """Whether alerts may be sent to machines of private networks and to this one."""
    web_source_link: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where pages link to for a line of a job file, with `{commit}`, `{file}` and `{line}` in it, such as
    `https://git.example.com/jobs/blob/{commit}/{file}#L{line}`; '' is nowhere.
    """
    metrics_open: bool = False
    """Whether `/metrics` needs no token: for a scraper on a network of its own."""
    metrics_celery_names: bool = False
    """Whether `/metrics` also has the `celery_…` names that dashboards of Celery projects know."""
    metrics_series_max: int = Field(default=10_000, ge=100)
    """So many series `/metrics` has at most, the most important first."""
    debug: bool = False
    """Whether a failure of the program itself shows its traceback instead of keeping it in a file."""


class Endpoints(BaseModel):
    """The URLs of the private servers, written by `up` while it runs."""

    model_config = ConfigDict(frozen=True)

    database_url: str
    broker_url: str


def load_settings(environ: Mapping[str, str], working_directory: Path) -> Settings:
    """Settings from the environment, and from a running `up` where the environment names no server.

    Raises UsageError with the variable's name when a value cannot be used.
    """
    variables = _read_variables(environ)
    values = {
        field: variables[name]
        for field in Settings.model_fields
        if (name := _name(field)) in variables
    }
    for field, from_parts in _FROM_PARTS.items():
        if field not in values:
            values[field] = from_parts(variables)
    if not (values["database_url"] and values["broker_url"]):
        endpoints = _find_endpoints(working_directory, values.get("run_directory", ""))
        if endpoints is not None:
            values = {**values, **_missing_endpoints(values, endpoints)}
    return _validate(values)


def variables_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Values for `${NAME}` in the files, by name: those of JOBRUNNER_VAR_NAME, an empty one too."""
    return {
        name.removeprefix(VARIABLE_PREFIX): value
        for name, value in environ.items()
        if name.startswith(VARIABLE_PREFIX)
    }


def misspelt_names(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(Variable that is set and that nobody reads, setting that seems to be meant), by variable."""
    settings = [_name(field) for field in Settings.model_fields]
    for name in sorted(environ):
        if not environ[name] or not name.startswith(PREFIX) or _NO_SETTING.match(name):
            continue
        stem = name.removesuffix("_FILE")
        # One that goes on behind a setting (`…_URL_RO`) is somebody's own.
        if stem in settings or any(name.startswith(f"{setting}_") for setting in settings):
            continue
        meant = _meant(stem, settings, may_be_short=stem == name)
        if meant:
            yield name, meant + name.removeprefix(stem)


def _meant(name: str, settings: Sequence[str], *, may_be_short: bool) -> str:
    """The only setting that begins so, or that which is nearly the same; '' is none."""
    field = name.removeprefix(PREFIX)
    longer = [setting for setting in settings if setting.startswith(name)]
    if may_be_short and len(longer) == 1 and len(field) >= _SHORTEST:
        return longer[0]
    fields = [setting.removeprefix(PREFIX) for setting in settings]
    near = difflib.get_close_matches(field, fields, 1, _LEAST_LIKENESS)
    return f"{PREFIX}{near[0]}" if near else ""


def _read_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables that have a value, those given as NAME_FILE among them; NAME itself comes first."""
    names = (*map(_name, Settings.model_fields), *PART_NAMES)
    variables = {name: environ[name] for name in names if environ.get(name)}
    for name in names:
        if name not in variables and environ.get(f"{name}_FILE"):
            variables[name] = _read_secret(name, Path(environ[f"{name}_FILE"]))
    return variables


def _name(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _read_secret(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"{name}_FILE names {file}, which cannot be read: {reason}.",
            hint=f"Correct {name}_FILE, or give {name} itself.",
        ) from error


def _database_url_from_parts(values: Mapping[str, str]) -> str:
    host = values.get("POSTGRES_HOST", "")
    if not host:
        return ""
    user = values.get("POSTGRES_USER", "postgres")
    name = values.get("POSTGRES_DB", "") or user
    credentials = _credentials(user, values.get("POSTGRES_PASSWORD", ""))
    port = _number(values, "POSTGRES_PORT", default="5432")
    if host.startswith("/"):  # a socket folder has no place in a URL's authority
        place = f"/{quote(name, safe='')}?host={quote(host, safe='')}&port={port}"
    else:
        place = f"{_bracketed(host)}:{port}/{quote(name, safe='')}"
    return f"postgresql://{credentials}@{place}"


def _broker_url_from_parts(values: Mapping[str, str]) -> str:
    host = values.get("REDIS_HOST", "")
    if not host:
        return ""
    user, password = values.get("REDIS_USER", ""), values.get("REDIS_PASSWORD", "")
    credentials = f"{_credentials(user, password)}@" if user or password else ""
    port = _number(values, "REDIS_PORT", default="6379")
    number = _number(values, "REDIS_DB", default="0")
    return f"redis://{credentials}{_bracketed(host)}:{port}/{number}"


_FROM_PARTS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "database_url": _database_url_from_parts,
    "broker_url": _broker_url_from_parts,
}


def _number(values: Mapping[str, str], name: str, *, default: str) -> str:
    value = values.get(name, default)
    if not (value.isascii() and value.isdigit()):
        raise UsageError(
            f"{name}={value!r} cannot be used: it is not a number.",
            hint=f"Correct or unset {name}.",
        )
    return value


def _credentials(user: str, password: str) -> str:
    return quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def find_endpoints_file(working_directory: Path, run_directory: str) -> Path | None:
    """That of the run directory that is named, else of the nearest one from here upwards."""
    upwards = [path / RUN_DIRECTORY for path in (working_directory, *working_directory.parents)]
    folders = [working_directory / run_directory] if run_directory else upwards
    files = (folder / ENDPOINTS_FILE for folder in folders)
    return next((file for file in files if _is_there(file)), None)


def _is_there(file: Path) -> bool:
    """What may not be looked at is there, too: it is told of where it is read."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _find_endpoints(working_directory: Path, run_directory: str) -> Endpoints | None:
    file = find_endpoints_file(working_directory, run_directory)
    if file is not None:
        try:
            return Endpoints.model_validate(json.loads(file.read_bytes()))
        except FileNotFoundError:  # `up` has just ended
            return None
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{file} cannot be read, so the servers of `jobrunner up` are not known.",
                hint="Set JOBRUNNER_DATABASE_URL and JOBRUNNER_BROKER_URL, or start it again.",
            ) from error
    return None


def _missing_endpoints(values: Mapping[str, str], endpoints: Endpoints) -> dict[str, str]:
    return {field: url for field, url in endpoints.model_dump().items() if not values[field]}


def _validate(values: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = _name(str(first["loc"][0]))
        raise UsageError(
            f"{name}={first['input']!r} cannot be used: {first['msg'].lower()}.",
            hint=f"Correct or unset {name}.",
        ) from error
