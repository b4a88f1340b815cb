"""`manage.py fixtures load [--once]`: what the application needs in its tables before anybody uses it."""

from argparse import ArgumentParser
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from processing.models import LoadedFixture
from processing.one_at_a_time import one_at_a_time

_FOR_DEVELOPMENT = "dev_"


class Command(BaseCommand):
    help = "Loads the fixtures of this app; those named dev_… only outside of production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["load"])
        parser.add_argument(
            "--once", action="store_true", help="Not those that were loaded at an earlier start."
        )

    def handle(self, *, once: bool = False, **_: object) -> None:
        with one_at_a_time("fixtures"):
            loaded = set(LoadedFixture.objects.values_list("name", flat=True)) if once else set()
            for file in _fixtures():
                if file.stem in loaded:
                    self.stdout.write(f"{file.stem} was loaded before.")
                else:
                    _load(file)
                    self.stdout.write(f"{file.stem} is loaded.")


def _fixtures() -> list[Path]:
    files = sorted((Path(apps.get_app_config("processing").path) / "fixtures").glob("*.json"))
    return [
        file
        for file in files
        if not (settings.IS_PRODUCTION and file.name.startswith(_FOR_DEVELOPMENT))
    ]


def _load(file: Path) -> None:
    """Its rows and the note that it is loaded, or neither."""
    with transaction.atomic():
        call_command("loaddata", file, verbosity=0)
        LoadedFixture.objects.get_or_create(name=file.stem)
