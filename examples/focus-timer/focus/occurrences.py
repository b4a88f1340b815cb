"""The next occurrences of a template as rows: those that are missing are written, none twice."""

from datetime import datetime

from django.db import transaction

from focus.models import Template, Todo
from focus.recurrence import next_occurrences

AHEAD = 5
"""So many to-dos to come has a template."""


@transaction.atomic
def write_next(template_id: int, *, now: datetime) -> int:
    """Make sure that its next occurrences are there; how many were missing. Raises BadRule.

    Under a lock of its template: what is written is of its newest rule, however many write at once.
    """
    template = Template.objects.select_for_update().filter(pk=template_id).first()
    if template is None:
        return 0  # somebody has deleted it meanwhile
    wanted = next_occurrences(
        template.rule, template.starts_at, template.time_zone, after=now, count=AHEAD
    )
    there = set(template.todos.filter(occurs_at__in=wanted).values_list("occurs_at", flat=True))
    missing = [instant for instant in wanted if instant not in there]
    Todo.objects.bulk_create(
        Todo(template=template, occurs_at=instant, title=template.title) for instant in missing
    )
    return len(missing)


def drop_untouched(template: Template, *, now: datetime) -> None:
    """What is to come and nobody has changed goes, before it is written anew."""
    template.todos.filter(occurs_at__gt=now, is_touched=False).delete()
