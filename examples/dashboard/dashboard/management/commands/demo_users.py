"""`manage.py demo_users`: somebody to sign in as, with something to look at."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from dashboard.models import Activity

_PASSWORD = "dashboard"  # noqa: S105  of the demo
_USERS = {"ada": False, "bob": False, "grace": True}
"""Who there is, and whether he is of the staff."""


class Command(BaseCommand):
    help = "Makes ada and bob, who are users, and grace, who is of the staff. Those who are there stay."

    @transaction.atomic
    def handle(self, *_: Any, **__: Any) -> None:
        for name, is_staff in _USERS.items():
            if not User.objects.filter(username=name).exists():
                user = User.objects.create_user(name, password=_PASSWORD, is_staff=is_staff)
                user.last_login = timezone.now()
                user.save()
                Activity.objects.bulk_create(_activities_of(user))
        self.stdout.write(f"ada, bob and grace (staff) sign in with the password {_PASSWORD!r}.")


def _activities_of(user: User) -> list[Activity]:
    now = timezone.now()
    return [
        Activity(
            user=user,
            kind=("order", "refund", "visit")[number % 3],
            amount=Decimal(number * 7 % 100) + Decimal("0.95"),
            happened_at=now - timedelta(hours=5 * number),
        )
        for number in range(60)
    ]
