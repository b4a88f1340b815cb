"""Times as the admin shows them."""

from datetime import UTC, datetime

from django.utils import timezone

from jobrunner.wording.times import short


def local(moment: datetime | None) -> str:
    """To the second, in the zone that is current in Django, with its name; None is nothing."""
    if moment is None:
        return ""
    zone = timezone.get_current_timezone()
    return short(moment, zone, near=datetime.now(UTC), to_the_second=True)
