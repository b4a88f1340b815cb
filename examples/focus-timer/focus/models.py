"""Recurring to-dos: the templates, and what they become."""

from datetime import datetime
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models

from focus import recurrence


class Template(models.Model):
    """A to-do that comes again and again."""

    title = models.CharField(max_length=200)
    rule = models.CharField(max_length=500, help_text="RFC 5545: FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10")
    first_day = models.DateField(help_text="DTSTART of the rule.")
    time_of_day = models.TimeField(help_text="By the clock of the time zone.")
    time_zone = models.CharField(max_length=64, default="Europe/Berlin")

    todos: "models.Manager[Todo]"

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.time_zone not in available_timezones():
            raise ValidationError({"time_zone": "There is no such time zone."})
        try:
            starts_at = self.starts_at
        except TypeError:
            return  # the form has told of the date or the time that is missing
        try:
            recurrence.check(self.rule, starts_at, self.time_zone)
        except recurrence.BadRule as error:
            raise ValidationError({"rule": str(error)}) from error

    @property
    def starts_at(self) -> datetime:
        """The first occurrence by the clock of its time zone, naive."""
        return datetime.combine(self.first_day, self.time_of_day)


class Todo(models.Model):
    """One occurrence of a template."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        DROPPED = "dropped"

    template = models.ForeignKey(Template, models.CASCADE, related_name="todos")
    occurs_at = models.DateTimeField(editable=False)
    title = models.CharField(max_length=200)
    notes = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    is_touched = models.BooleanField(default=False, editable=False)
    """A person has changed it: no edit of the template replaces it."""

    class Meta:
        ordering = ("occurs_at",)
        constraints = (
            # However many generators work at once.
            models.UniqueConstraint(fields=["template", "occurs_at"], name="once_an_occurrence"),
        )

    def __str__(self) -> str:
        return self.title
