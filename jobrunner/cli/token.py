"""`jobrunner token`: who may use the pages and the API, and who no longer may."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.cli.command import Group, make_command, output_option
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.layout import Column, Table, text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import Token, insert_token, list_tokens, revoke_token
from jobrunner.errors import UsageError
from jobrunner.spec.durations import parse_duration
from jobrunner.wording.times import distance, exact, iso


@make_command(
    "create",
    "Make a token. It is shown this once: only a hash of it is kept.\n\n"
    "NAME says what it is for. A viewer reads; an operator also runs, cancels, retries, pauses and "
    "resumes; an admin also makes schedules, approves changes and reads the audit.",
    examples=[
        (
            "jobrunner token create ada --role admin",
            "For a person, everywhere, until it is revoked.",
        ),
        (
            "jobrunner token create billing --role operator --namespace billing --expires 90d",
            "For a service, in one namespace, for 90 days.",
        ),
    ],
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="What it may do.",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="Only in this namespace; may be repeated [default: all].",
)
@click.option(
    "--own-runs-only", is_flag=True, help="It sees only the runs that its subject has started."
)
@click.option("--subject", metavar="NAME", help="Who acts, in the audit [default: NAME].")
@click.option(
    "--expires", metavar="DURATION", help="Good for so long, such as 90d [default: for ever]."
)
def create_command(
    session: Session,
    *,
    name: str,
    role: str,
    namespaces: tuple[str, ...],
    own_runs_only: bool,
    subject: str | None,
    expires: str | None,
) -> None:
    if own_runs_only and role == Role.ADMIN:
        raise UsageError(
            "An admin who sees only his own runs could do nothing that an operator cannot.",
            hint="Use --role operator with --own-runs-only.",
        )
    made = new_token()
    expires_at = None if expires is None else _end(expires)
    with open_database(session, "token") as engine, transaction(engine) as connection:
        insert_token(
            connection,
            made,
            name=name,
            subject=subject or name,
            role=Role(role),
            namespaces=sorted(set(namespaces)),
            own_runs_only=own_runs_only,
            created_by=actor_of(session),
            expires_at=expires_at,
        )
    session.output.result(str(made))
    end = "until it is revoked" if expires_at is None else f"until {exact(expires_at)}"
    session.output.explain(
        f"Good {end}. It is not shown again: keep it where secrets are kept.",
        "Send it as a header:  Authorization: Bearer jr_…",
        "or sign in to the pages with it.",
        f"Revoke it with: jobrunner token revoke {made.id}",
    )


def _end(given: str) -> datetime:
    try:
        return datetime.now(UTC) + parse_duration(given)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--expires {error}.", hint="Write for example --expires 90d.") from error


@make_command(
    "list",
    "All tokens that were ever made, with who made them and when they were last used.",
    examples=[("jobrunner token list", "The newest last.")],
)
@output_option
def list_command(session: Session, *, form: Form) -> None:
    with open_database(session, "token") as engine, transaction(engine) as connection:
        found = list_tokens(connection)
    now = datetime.now(UTC)
    session.output.listing([_record(token, now) for token in found], _table(found, now), form)


def _record(token: Token, now: datetime) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "state": _state(token, now),
        "subject": token.subject,
        "role": token.role.value,
        "namespaces": list(token.namespaces),
        "own_runs_only": token.own_runs_only,
        "created_by": token.created_by,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "revoked_at": iso(token.revoked_at),
        "last_used_at": iso(token.last_used_at),
    }


def _table(tokens: Sequence[Token], now: datetime) -> Table:
    columns = (
        Column("id"),
        Column("name", shrinks=True),
        Column("subject", shrinks=True),
        Column("role"),
        Column("where", shrinks=True),
        Column("state"),
        Column("last used"),
    )
    rows = [
        [
            token.id,
            text(token.name),
            text(token.subject),
            token.role + (", own runs" if token.own_runs_only else ""),
            text(", ".join(token.namespaces)) or "everywhere",
            _state(token, now),
            "never" if token.last_used_at is None else distance(token.last_used_at, now),
        ]
        for token in tokens
    ]
    empty = "There is no token yet. Make one with: jobrunner token create NAME --role admin"
    return Table(columns, rows, empty=empty)


def _state(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    return "in force"


@make_command(
    "revoke",
    "It is good for nothing from now on, and whoever is signed in with it is signed out.",
    examples=[("jobrunner token revoke k3v9x2m4q8zt", "The id is the part after jr_.")],
)
@click.argument("token_id", metavar="ID")
def revoke_command(session: Session, *, token_id: str) -> None:
    with open_database(session, "token") as engine, transaction(engine) as connection:
        revoke_token(connection, token_id, actor=actor_of(session))
    session.output.result(f"Token {text(token_id)} is revoked.")


command = Group(
    "token",
    help="Who may use the pages and the REST API: make tokens, list them, revoke them.",
    commands={"create": create_command, "list": list_command, "revoke": revoke_command},
    examples=[
        ("jobrunner token create ada --role admin", "The first one."),
        ("jobrunner token list", "All of them, without their secrets."),
    ],
)
