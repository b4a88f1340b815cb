"""`jobrunner render`: jobs as they are after defaults, templates, matrices and variables."""

from typing import Literal

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.project import no_such_job, read_valid_project
from jobrunner.cli.session import Session
from jobrunner.spec.rendering import as_yaml, rendered


@make_command(
    "render",
    "The jobs as they are once defaults, templates, matrices and variables are put together: a job file "
    "that needs none of them. No database, no network.\n\n"
    "ADDRESS is namespace/job; without one, all jobs are rendered. References to secrets stay "
    "references, and the values of sensitive arguments are hidden.",
    examples=[
        ("jobrunner render crm/sync-eu -e prod", "One job of a matrix, as it is in prod."),
        ("jobrunner render --all -o json", "Every job with every default, for a program."),
    ],
)
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]…")
@click.option("--all", "with_defaults", is_flag=True, help="Write what is built in, too.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How the result is written.",
)
def command(
    session: Session,
    *,
    addresses: tuple[str, ...],
    with_defaults: bool,
    form: Literal["yaml", "json"],
) -> None:
    jobs = {job.address: job for job in read_valid_project(session).jobs}
    for address in addresses:
        if address not in jobs:
            raise no_such_job(address, jobs, where=" in the files")
    wanted = [jobs[address] for address in addresses or jobs]
    documents = rendered(wanted, with_defaults=with_defaults)
    if form == "yaml":
        session.output.result_text(as_yaml(documents))
    else:
        session.output.document(documents, "json")
