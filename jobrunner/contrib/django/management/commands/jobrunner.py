"""`manage.py jobrunner …`: jobrunner's own command line, with the project's settings."""

import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand

from jobrunner.cli.main import run
from jobrunner.cli.session import session_of_this_process


class Command(BaseCommand):
    help = "jobrunner's command line: manage.py jobrunner runs list, manage.py jobrunner worker, …"
    requires_system_checks = ()  # type: ignore[assignment]  # its stubs are older than Django

    def run_from_argv(self, argv: Sequence[str]) -> None:
        """Every word behind the name is jobrunner's, --help too."""
        sys.exit(run(argv[2:], session_of_this_process()))

    def handle(self, *arguments: Any, **options: Any) -> None:
        """By `call_command`: the words are its arguments."""
        del options
        code = run([str(argument) for argument in arguments], session_of_this_process())
        if code != 0:
            sys.exit(code)
