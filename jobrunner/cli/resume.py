"""`jobrunner resume`: end a pause."""

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.layout import text
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.target import target_of, target_options
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import resume
from jobrunner.db.wakeups import notify
from jobrunner.errors import NotFound


@make_command(
    "resume",
    "End a pause. The next times fire again; what passed meanwhile stays passed.",
    examples=[
        ("jobrunner resume ops/disk-report", "One job."),
        ("jobrunner resume --queue analytics", "Every job of a queue."),
    ],
)
@target_options
def command(
    session: Session,
    *,
    address: str | None,
    tag: str | None,
    queue: str | None,
    namespace: str | None,
) -> None:
    target = target_of(address=address, tag=tag, queue=queue, namespace=namespace)
    with open_database(session, "resume") as engine, transaction(engine) as connection:
        if not resume(connection, target.scope, target.name, resumed_by=actor_of(session)):
            raise NotFound(
                f"{text(target)} is not paused.",
                hint="`jobrunner status` shows every pause in force.",
            )
        notify(connection)
    session.output.result(f"{style('●', 'good')} resumed {text(target)}.")
