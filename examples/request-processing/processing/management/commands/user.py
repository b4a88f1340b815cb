"""`manage.py user ensure --from-env`: the administrator that the environment names."""

from argparse import ArgumentParser

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from processing.environment import read
from processing.one_at_a_time import one_at_a_time


class Command(BaseCommand):
    help = (
        "Makes or updates the administrator of DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD, each of "
        "which may be given as a file, by …_FILE."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["ensure"])
        parser.add_argument("--from-env", action="store_true", required=True)

    def handle(self, **_: object) -> None:
        name = read("DJANGO_SUPERUSER_USERNAME", "")
        if not name:
            self.stdout.write("DJANGO_SUPERUSER_USERNAME is not set: no administrator is made.")
            return
        password = read("DJANGO_SUPERUSER_PASSWORD", "")
        if not password:
            raise CommandError(
                f"The administrator {name} has no password. Set DJANGO_SUPERUSER_PASSWORD, or "
                "DJANGO_SUPERUSER_PASSWORD_FILE to a file with it."
            )
        with one_at_a_time("user"), transaction.atomic():
            is_new = _ensure(name, read("DJANGO_SUPERUSER_EMAIL", ""), password)
        self.stdout.write(f"The administrator {name} is {'made' if is_new else 'up to date'}.")


def _ensure(name: str, email: str, password: str) -> bool:
    user, is_new = User.objects.get_or_create(username=name)
    user.email = email
    user.is_active = user.is_staff = user.is_superuser = True
    # Only another password is written: each writing of it ends the sessions of its user.
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    return is_new
