"""`manage.py prepare`: all that has to be so before the first request, on one replica or on many at once."""

import subprocess

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Waits for the servers, migrates, loads fixtures, makes the administrator, fills the assets."

    def handle(self, **_: object) -> None:
        _jobrunner("wait", "--for", "db,broker", "--timeout", "60s")
        _jobrunner("db", "upgrade")
        if not settings.IS_PRODUCTION:
            call_command("makemigrations", interactive=False)
        call_command("migrate", interactive=False)
        call_command("fixtures", "load", once=True)
        call_command("user", "ensure", from_env=True)
        call_command("assets", "fill")
        if settings.IS_PRODUCTION:
            call_command("collectstatic", interactive=False)


def _jobrunner(*arguments: str) -> None:
    """It has said itself what is wrong."""
    if subprocess.run(["jobrunner", *arguments], check=False).returncode != 0:  # noqa: S603, S607
        raise CommandError(f"`jobrunner {' '.join(arguments)}` has failed.")
