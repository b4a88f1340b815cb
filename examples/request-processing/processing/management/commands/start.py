"""`manage.py start`: what a container runs."""

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "`prepare`, then `serve`."

    def handle(self, **_: object) -> None:
        call_command("prepare")
        call_command("serve")
