"""`jobrunner db`: the schema of the database."""

from jobrunner.cli.command import Group, make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.db.engine import describe
from jobrunner.db.migrate import REVISIONS, check_revision, current_revision, upgrade


@make_command(
    "upgrade",
    "Bring the database to the revision this version needs; the first time it makes the tables.\n\n"
    "Safe to call from ten places at once: one migrates, the others wait and find it done.",
    examples=[
        ("jobrunner db upgrade", "Before the first apply, and after each new version."),
        ("JOBRUNNER_DATABASE_URL=postgresql://… jobrunner db upgrade", "Another database."),
    ],
)
def upgrade_command(session: Session) -> None:
    with open_database(session, "db", check=False) as engine:
        found = current_revision(engine)
        with session.output.progress("migrating"):
            reached = upgrade(engine)
        if found == reached:
            session.output.result(f"Nothing to do: {describe(engine)} is at revision {reached}.")
        else:
            begun = f"from {found} to" if found else "to"
            session.output.result(f"Upgraded {describe(engine)} {begun} revision {reached}.")


@make_command(
    "current",
    "Print the revision the database is at.",
    examples=[
        ("jobrunner db current", "`none` when it has no jobrunner tables."),
        ("jobrunner db current --no-color", "For scripts."),
    ],
)
def current_command(session: Session) -> None:
    with open_database(session, "db", check=False) as engine:
        session.output.result(current_revision(engine) or "none")


@make_command(
    "check",
    "Exit 0 when this version works with the database, else say what to type and exit 1.",
    examples=[
        ("jobrunner db check", "In a start script, before beat and worker."),
        ("jobrunner db check || jobrunner db upgrade", "Migrate only when it is needed."),
    ],
)
def check_command(session: Session) -> None:
    with open_database(session, "db", check=False) as engine:
        check_revision(engine)
        needed = style(f"revision {REVISIONS[-1]}", "good")
        session.output.result(f"{describe(engine)} is at {needed}, as this version needs.")


command = Group(
    "db",
    help="The schema of the database.",
    commands={
        "upgrade": upgrade_command,
        "current": current_command,
        "check": check_command,
    },
    examples=[
        ("jobrunner db upgrade", "Make or change the tables."),
        ("jobrunner db check", "Is the database as this version needs it?"),
    ],
)
