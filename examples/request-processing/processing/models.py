"""Requests, what they need to be worked off, and what has been loaded at a start."""

import uuid

from django.conf import settings
from django.db import models


class WorkRequest(models.Model):
    """Somebody's orders, to be added up by customer."""

    class State(models.TextChoices):
        """pending → processing → completed | failed"""

        PENDING = "pending"
        PROCESSING = "processing"
        COMPLETED = "completed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    orders = models.TextField(help_text="Lines of customer,amount,currency")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    step = models.CharField(max_length=20, blank=True)
    """Where the work is: set by the run, and left as it was when that ended."""
    percent = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    """Why it has failed; '' unless it has."""
    totals: "models.JSONField[dict[str, str]]" = models.JSONField(default=dict, blank=True)
    """By customer, as text; empty until it is completed."""
    run_id = models.UUIDField()
    """The run that works on it. A run that is started by hand later takes the place of the first."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.id} ({self.state})"

    @property
    def is_over(self) -> bool:
        """Nothing of it changes any more, unless its run is started again by hand."""
        return self.state in {self.State.COMPLETED, self.State.FAILED}


class Currency(models.Model):
    """What one unit is worth in euros. A fixture brings the first ones; administrators change them."""

    code = models.CharField(max_length=3, primary_key=True)
    euros = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        verbose_name_plural = "currencies"

    def __str__(self) -> str:
        return self.code


class LoadedFixture(models.Model):
    """A fixture that was loaded, and is not to be loaded again: people may have changed its rows."""

    name = models.CharField(max_length=100, primary_key=True)
    loaded_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
