"""`jobrunner doctor`: what is amiss on this machine, and what to type for each finding."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from jobrunner.broker import broker_risk, make_app
from jobrunner.cli.command import make_command
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.project import read_project_of
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of, settings_of
from jobrunner.cli.style import Check, check_mark
from jobrunner.db.engine import describe, make_engine
from jobrunner.db.migrate import check_revision
from jobrunner.embedded.binaries import find_binaries
from jobrunner.errors import JobrunnerError
from jobrunner.sealing import KEYS_VARIABLE, MAKE_A_KEY
from jobrunner.secrets import make_secrets
from jobrunner.settings import Settings

OLDEST_PYTHON = (3, 11)
PACKAGES = (
    "celery",
    "kombu",
    "redis",
    "SQLAlchemy",
    "psycopg2-binary",
    "alembic",
    "pydantic",
    "click",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `hint` is what to type."""

    name: str
    state: Check
    words: str
    hint: str = ""


@make_command(
    "doctor",
    "Check this machine: Python, packages, settings, servers, schema, files, time zones.\n\n"
    "Exit 1 when something has to be mended first.",
    examples=[
        ("jobrunner doctor", "Before the first start, or when something is odd."),
        ("jobrunner doctor --config deploy/jobrunner.yaml", "With another project file."),
    ],
)
def command(session: Session) -> int:
    worst = 0
    for check in (_python, _packages, _time_zones, _files, _secrets, _servers):
        for finding in check(session):
            mark = check_mark(finding.state)
            session.output.result(f"{mark} {finding.name:<10} {finding.words}")
            if finding.hint:
                session.output.result(f"  {'':<10} → {finding.hint}")
            worst = max(worst, 1 if finding.state == "wrong" else 0)
    session.output.say("", "Something has to be mended first." if worst else "All is well.")
    return worst


def _python(_: Session) -> list[Finding]:
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return [Finding("python", "wrong", found, "Install Python 3.11 or newer.")]
    return [Finding("python", "ok", f"{found} on {platform.system()} {platform.machine()}")]


def _packages(_: Session) -> list[Finding]:
    found, missing = [], []
    for name in ("celery-jobrunner", *PACKAGES):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        hint = "pip install celery-jobrunner"
        return [Finding("packages", "wrong", f"missing: {', '.join(missing)}", hint)]
    return [Finding("packages", "ok", ", ".join(found[:3]))]


def _time_zones(_: Session) -> list[Finding]:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return [Finding("time zones", "wrong", "there is no data", "pip install tzdata")]
    return [Finding("time zones", "ok", f"tzdata {_tzdata()}; {len(TZPATH)} system folders")]


def _tzdata() -> str:
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "of the system"


def _files(session: Session) -> list[Finding]:
    try:
        read = read_project_of(session)
    except JobrunnerError as error:
        return [_failed("files", error)]
    errors = sum(diagnostic.is_error for diagnostic in read.diagnostics)
    where = f"project {text(read.project.project)} in {read.root}"
    missing = [found for found in read.diagnostics if found.code == "E124"]
    if missing:
        return [Finding("files", "wrong", text(missing[0].message), text(missing[0].help))]
    if errors:
        return [
            Finding("files", "wrong", f"{count(errors, 'error')}, {where}", "jobrunner validate")
        ]
    if not read.jobs:
        return [Finding("files", "note", f"no job, {where}", "jobrunner init")]
    return [Finding("files", "ok", f"{count(len(read.jobs), 'job')}, {where}")]


def _secrets(session: Session) -> list[Finding]:
    """What a worker that is started here may open, and whether what is sensitive can be sealed."""
    try:
        settings = settings_of(session)
        make_secrets(settings, session.environ)
    except JobrunnerError as error:
        return [_failed("secrets", error)]
    keys, patterns = len(settings.encryption_keys), len(settings.secrets_allow)
    words = f"{count(keys, 'encryption key')}, {count(patterns, 'pattern')} of secrets allowed"
    sealed = _with_sensitive(session)
    if sealed and not keys:
        hint = f"Set {KEYS_VARIABLE}. Make a key: {MAKE_A_KEY}"
        return [Finding("secrets", "wrong", f"{sealed} names sensitive arguments; {words}", hint)]
    return [Finding("secrets", "ok", words)]


def _with_sensitive(session: Session) -> str:
    """The first job that needs a key; '' for none."""
    try:
        jobs = read_project_of(session).jobs
    except JobrunnerError:  # told of by `_files`
        return ""
    return next((text(job.address) for job in jobs if job.spec.sensitive), "")


def _servers(session: Session) -> list[Finding]:
    try:
        settings = servers_of(session)
    except JobrunnerError as error:
        return [_failed("settings", error)]
    if not settings.database_url and not settings.broker_url:
        return [_private_servers()]
    return [
        _tried("database", settings.database_url, lambda: _database(settings)),
        _tried("broker", settings.broker_url, lambda: _broker(settings)),
    ]


def _private_servers() -> Finding:
    try:
        find_binaries()
    except JobrunnerError as error:
        return _failed("servers", error)
    words = "none is set; private ones can be started"
    return Finding("servers", "note", words, "jobrunner up")


def _tried(name: str, url: str, check: Callable[[], str]) -> Finding:
    if not url:
        variable = f"JOBRUNNER_{name.upper()}_URL"
        return Finding(name, "wrong", f"{variable} is not set", f"Set {variable}.")
    try:
        return Finding(name, "ok", check())
    except JobrunnerError as error:
        return _failed(name, error)


def _database(settings: Settings) -> str:
    engine = make_engine(settings.database_url, application_name="jobrunner doctor", pool_size=1)
    try:
        check_revision(engine)
        return f"{describe(engine)} answers, and its tables fit this version"
    finally:
        engine.dispose()


def _broker(settings: Settings) -> str:
    risk = broker_risk(make_app(settings))
    if risk:
        raise JobrunnerError(risk, hint="Set its `maxmemory-policy` to `noeviction`.")
    return "answers"


def _failed(name: str, error: JobrunnerError) -> Finding:
    return Finding(name, "wrong", text(error.message), text(error.hint))
