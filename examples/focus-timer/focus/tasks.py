"""What jobs.d/focus.yaml calls: plain functions."""

import logging

from django.utils import timezone

from focus.models import Template, Todo
from focus.occurrences import write_next
from focus.recurrence import BadRule

log = logging.getLogger(__name__)


def generate(template: int | None = None) -> dict[str, int]:
    """The next occurrences of one template, or of all; how many were written, by the template's id.

    Raises BadRule once the others have theirs, where the rule of one can no longer be read.
    """
    chosen = Template.objects.all() if template is None else Template.objects.filter(pk=template)
    written, bad = {}, []
    for one in chosen:
        try:
            written[str(one.pk)] = number = write_next(one.pk, now=timezone.now())
        except BadRule as error:
            log.error("%s: %s", one, error)  # noqa: TRY400  the sentence says it all
            bad.append(f"{one} ({one.pk})")
        else:
            log.info("%s: %d new", one, number)
    if bad:
        raise BadRule(f"These have a rule that cannot be read: {', '.join(bad)}.")
    return written


def remind() -> list[str]:
    """The titles of what is open and due."""
    due = Todo.objects.filter(state=Todo.State.OPEN, occurs_at__lte=timezone.now())
    titles = list(due.values_list("title", flat=True))
    log.info("%d to-dos are due", len(titles))
    return titles
