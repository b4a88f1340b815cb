"""`manage.py migrate`, for any number of replicas at once: the first migrates, the others find it done."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate

from processing.one_at_a_time import one_at_a_time


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        with one_at_a_time("migrate"):
            super().handle(*args, **options)
