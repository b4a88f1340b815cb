"""`jobrunner schema`: what an editor needs to complete and check the files."""

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.spec.json_schema import json_schema


@make_command(
    "schema",
    "Print the JSON Schema of the job files and the project file, for editors.",
    examples=[
        ("jobrunner schema > .jobrunner/schema.json", "The file that the scaffold's jobs name."),
        ("jobrunner schema -o yaml", "The same, easier to read."),
    ],
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["json", "yaml"]),
    default="json",
    show_default=True,
    help="How it is written.",
)
def command(session: Session, form: Form) -> None:
    session.output.document(json_schema(), form)
