"""Templates and to-dos in the admin. Saving a template asks for its occurrences in the same transaction."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from focus.models import Template, Todo
from focus.occurrences import drop_untouched
from jobrunner.contrib.django import trigger


@admin.register(Template)
class TemplateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs alone
    list_display = ("title", "rule", "time_of_day", "time_zone")

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        super().save_model(request, obj, form, change)
        drop_untouched(obj, now=timezone.now())
        # The run exists exactly when what was saved does.
        trigger("focus/generate", {"template": obj.pk}, created_by=request.user.get_username())


@admin.register(Todo)
class TodoAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs alone
    list_display = ("occurs_at", "title", "state")
    list_filter = ("state", "template")
    readonly_fields = ("template", "occurs_at")
    list_display_links = ("title",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come of templates."""
        del request
        return False

    def delete_model(self, request: HttpRequest, obj: Todo) -> None:
        """It is dropped: a row that is gone would be written again."""
        self.delete_queryset(request, Todo.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Todo]") -> None:
        del request
        queryset.update(state=Todo.State.DROPPED, is_touched=True)

    def save_model(self, request: HttpRequest, obj: Todo, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        obj.is_touched = True
        super().save_model(request, obj, form, change)
