"""`manage.py make_administrator`: `createsuperuser --noinput`, harmless when there is one."""

import os
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make the administrator of DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        if not User.objects.filter(username=os.environ["DJANGO_SUPERUSER_USERNAME"]).exists():
            call_command("createsuperuser", "--noinput", "--email", "")
