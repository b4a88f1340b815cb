"""What `jobrunner up` says first: where everything is, and what to type in a second terminal."""

from collections.abc import Sequence
from pathlib import Path

from jobrunner.cli.nearby import nearby, own_command
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.settings import Settings
from jobrunner.wording.foreign_text import safe


def banner(session: Session, root: Path, folder: Path, given: Settings) -> Sequence[str]:
    here = session.working_directory
    own = own_command(session.environ, here)
    data = nearby(folder / "data", here)
    database = "given by the environment" if given.database_url else f"private, in {data}"
    broker = "given by the environment" if given.broker_url else "private"
    return (
        f"{style('jobrunner up', 'strong')}   {safe(str(root))}",
        f"  {style('database', 'quiet')}  {safe(database)}",
        f"  {style('broker', 'quiet')}    {broker}",
        f"  {style('logs', 'quiet')}      {safe(nearby(folder / 'logs', here))}",
        "  In a second terminal:",
        f"    {own} status",
        f"    {own} runs list",
        "  Ctrl-C ends it all.",
        "",
    )
