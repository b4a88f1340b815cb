"""`manage.py assets fill`: the built front end, with the values of this place in it."""

import os
import shutil
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from processing.placeholders import MissingValue, fill_folder


class Command(BaseCommand):
    help = (
        "Copies the built assets, with the values of the environment for each VITE_APP_… in them, so that "
        "one image serves every address. The image itself is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["fill"])

    def handle(self, **_: object) -> None:
        copy = settings.WHITENOISE_ROOT
        shutil.rmtree(copy, ignore_errors=True)
        try:
            filled = fill_folder(settings.ASSETS_SOURCE, copy, os.environ)
        except MissingValue as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{filled} placeholders are filled in {copy}.")
