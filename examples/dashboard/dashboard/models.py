"""What the dashboard shows, and what its tasks have made of it."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models


class Activity(models.Model):
    """Something that a user did."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=40)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    happened_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.amount}"


class CachedDashboard(models.Model):
    """A user's figures, as they were computed last."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    figures: "models.JSONField[Any]" = models.JSONField()
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"figures of {self.user}"


class Analysis(models.Model):
    """Figures of all users together."""

    figures: "models.JSONField[Any]" = models.JSONField()
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"analysis of {self.made_at}"


class Notification(models.Model):
    """A line on a user's dashboard."""

    class Kind(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ALERT = "alert"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.TextField()
    origin = models.CharField(max_length=100)
    """What made it: of one run, or of one message, there is one for each user."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["user", "origin"], name="one_notification_of_an_origin"
            ),
        )

    def __str__(self) -> str:
        return self.text


class Export(models.Model):
    """A file that a user asked for. Made in one transaction with the run that writes it."""

    class Form(models.TextChoices):
        JSON = "json"
        CSV = "csv"
        PDF = "pdf"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="exports")
    form = models.CharField(max_length=10, choices=Form)
    first_day = models.DateField()
    last_day = models.DateField()
    run_id = models.UUIDField(null=True)
    requested_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        return f"{self.id}.{self.form}"
