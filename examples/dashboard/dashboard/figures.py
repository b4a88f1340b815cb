"""What is computed of activities."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Avg, Count, Max, QuerySet, Sum
from django.utils import timezone

from dashboard.models import Activity

_RECENT = timedelta(days=30)


def figures_of(user: User) -> dict[str, Any]:
    """Of the last 30 days."""
    recent = Activity.objects.filter(user=user, happened_at__gt=timezone.now() - _RECENT)
    total = recent.aggregate(number=Count("id"), amount=Sum("amount"))
    return {"activities": total["number"], "amount": str(total["amount"] or 0)}


def performance(hours: int) -> dict[str, Any]:
    """Of all users, for the hours before now, by kind."""
    recent = Activity.objects.filter(happened_at__gt=timezone.now() - timedelta(hours=hours))
    kinds = recent.values("kind").annotate(
        number=Count("id"), average=Avg("amount"), largest=Max("amount")
    )
    return {
        each["kind"]: {
            "number": each["number"],
            "average": f"{each['average']:.2f}",
            "largest": f"{each['largest']:.2f}",
        }
        for each in kinds.order_by("kind")
    }


def rows_of(user: User, first_day: date, last_day: date) -> Iterator[tuple[str, str, str]]:
    """Time, kind and amount of each activity of these days, both of them included."""
    days = Activity.objects.filter(
        user=user, happened_at__date__gte=first_day, happened_at__date__lte=last_day
    )
    for activity in _in_order(days):
        yield activity.happened_at.isoformat(), activity.kind, str(activity.amount)


def _in_order(activities: QuerySet[Activity]) -> Iterator[Activity]:
    return activities.order_by("happened_at", "id").iterator(chunk_size=1000)
