"""`jobrunner wait`: ends once the servers can be used. What a container begins with."""

import time
from collections.abc import Callable, Mapping

import click

from jobrunner.broker import broker_risk, make_app
from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.cli.style import style
from jobrunner.db.engine import transaction
from jobrunner.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    JobrunnerError,
    SchemaBehind,
    UsageError,
)
from jobrunner.spec.durations import parse_duration

_LOOK_AGAIN_SECONDS = 0.5


@make_command(
    "wait",
    "Wait until the servers can be used: exit 0 then, 1 when the time is over.\n\n"
    "db: it answers. broker: it answers. schema: the database is at a revision this version works "
    "with, because somebody has called `jobrunner db upgrade`.",
    examples=[
        (
            "jobrunner wait && jobrunner db upgrade",
            "Before a migration, beside servers that start.",
        ),
        ("jobrunner wait --for db,broker,schema --timeout 5m", "Before a process of your own."),
    ],
)
@click.option(
    "--for",
    "wanted",
    default="db,broker",
    show_default=True,
    metavar="WHAT,…",
    help="Any of db, broker and schema, one after the other.",
)
@click.option(
    "--timeout",
    "given",
    default="60s",
    show_default=True,
    metavar="DURATION",
    help="For all of them together.",
)
def command(session: Session, *, wanted: str, given: str) -> None:
    names = _names(wanted)
    timeout_seconds = _seconds(given)
    deadline = time.monotonic() + timeout_seconds
    for name in names:
        error = _wait(session, name, deadline)
        if error is not None:
            raise JobrunnerError(f"Given up after {given}. {error.message}", hint=error.hint)
    session.output.result(f"{style('●', 'good')} ready: {', '.join(names)}")


def _names(wanted: str) -> list[str]:
    names = wanted.replace(",", " ").split()
    if not names or not set(names) <= set(_LOOKS):
        raise UsageError(
            f"--for {wanted} names what cannot be waited for.",
            hint=f"Write any of these: --for {','.join(_LOOKS)}.",
        )
    return names


def _seconds(given: str) -> float:
    try:
        return parse_duration(given).total_seconds()
    except ValueError as error:
        raise UsageError(f"--timeout: {error}.", hint="Write for example --timeout 60s.") from error


def _wait(session: Session, name: str, deadline: float) -> JobrunnerError | None:
    """Until it can be used: None. What is missing, once the time is over."""
    is_told = False
    while True:
        try:
            _LOOKS[name](session)
        except (BrokerUnavailable, DatabaseUnavailable, SchemaBehind) as error:
            if time.monotonic() >= deadline:
                return error
            if not is_told:
                session.output.explain(f"Waiting for {name}: {error.message}")
                is_told = True
        else:
            return None
        time.sleep(_LOOK_AGAIN_SECONDS)


def _look_for_database(session: Session) -> None:
    with open_database(session, "wait", check=False) as engine, transaction(engine):
        pass


def _look_for_broker(session: Session) -> None:
    settings = servers_of(session)
    if not settings.broker_url:
        raise UsageError(
            "No broker is known.",
            hint="Set JOBRUNNER_BROKER_URL, or start everything here with `jobrunner up`.",
        )
    try:
        broker_risk(make_app(settings))
    except BrokerUnavailable as error:
        raise BrokerUnavailable(
            error.message, hint="Check that it is up and that JOBRUNNER_BROKER_URL is right."
        ) from error


def _look_for_schema(session: Session) -> None:
    with open_database(session, "wait"):
        pass


_LOOKS: Mapping[str, Callable[[Session], None]] = {
    "db": _look_for_database,
    "broker": _look_for_broker,
    "schema": _look_for_schema,
}
"""Each returns when it is there, and raises what is missing else."""
