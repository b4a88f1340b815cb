"""What administrators see and change."""

from django.contrib import admin

from processing.models import Currency, WorkRequest


@admin.register(WorkRequest)
class WorkRequestAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for type checkers alone
    list_display = ("id", "owner", "state", "step", "error", "run_id", "created_at")
    list_filter = ("state",)


@admin.register(Currency)
class CurrencyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for type checkers alone
    list_display = ("code", "euros")
