"""`manage.py run_job ADDRESS`: a job now, by a worker or in this process."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from jobrunner.cli.main import run
from jobrunner.cli.session import session_of_this_process


class Command(BaseCommand):
    help = "Run a job now: by a worker, whose output is shown until its end, or with --local here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="namespace/job")
        parser.add_argument("--kwargs", metavar="JSON", help="laid over the job's own kwargs")
        parser.add_argument(
            "--local", action="store_true", help="in this process, without a server"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        how = "--local" if options["local"] else "--wait"
        given = [] if options["kwargs"] is None else ["--kwargs", options["kwargs"]]
        code = run(["run", options["address"], how, *given], session_of_this_process())
        if code != 0:
            sys.exit(code)
