"""What jobs.d/focus.yaml calls: plain functions."""

import logging

from django.utils import timezone

from focus.models import Template, Todo
from focus.occurrences import write_next

log = logging.getLogger(__name__)


def generate(template: int | None = None) -> dict[str, int]:
    """The next occurrences of one template, or of all; how many were written, by the template's id."""
    chosen = Template.objects.all() if template is None else Template.objects.filter(pk=template)
    written = {}
    for one in chosen:
        written[str(one.pk)] = number = write_next(one.pk, now=timezone.now())
        log.info("%s: %d new", one, number)
    return written


def remind() -> list[str]:
    """The titles of what is open and due."""
    due = Todo.objects.filter(state=Todo.State.OPEN, occurs_at__lte=timezone.now())
    titles = list(due.values_list("title", flat=True))
    log.info("%d to-dos are due", len(titles))
    return titles
