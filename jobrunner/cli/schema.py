"""`jobrunner schema`: what an editor needs to complete and check the files."""

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.spec.editor_schema import editor_schema


@make_command(
    "schema",
    "Print the JSON Schema (draft-07) of a job file or of the project file, for editors: they complete "
    "and explain keys, and mark what is wrong.",
    examples=[
        ("jobrunner schema > .jobrunner/schema.json", "What `jobrunner init` has job files name."),
        ("jobrunner schema --project -o yaml", "Of jobrunner.yaml, easier to read."),
    ],
)
@click.option("--project", is_flag=True, help="Of the project file, jobrunner.yaml.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["json", "yaml"]),
    default="json",
    show_default=True,
    help="How it is written.",
)
def command(session: Session, *, project: bool, form: Form) -> None:
    session.output.document(editor_schema("project" if project else "jobs"), form)
