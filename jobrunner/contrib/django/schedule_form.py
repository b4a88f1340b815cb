"""The form of a job that the API owns: its address, and its definition as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from jobrunner.contrib.django.models import ScheduledJob
from jobrunner.contrib.django.own import own_keyring, own_transaction
from jobrunner.db.overview import get_job
from jobrunner.errors import JobrunnerError
from jobrunner.reconcile import ApiEdit
from jobrunner.reconcile.api_owned import creation, plan_edit, replacement
from jobrunner.spec.json_definition import written_definition
from jobrunner.spec.models import ADDRESS_PATTERN

_EXAMPLE = {
    "task": "package.module.function",
    "kwargs": {},
    "schedule": {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
}
_ROWS = 16


class DefinitionField(forms.JSONField):
    """JSON a line a key, as one writes it."""

    widget = forms.Textarea(attrs={"rows": _ROWS, "cols": 90, "class": "jobrunner-definition"})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value  # what was sent and is shown again
        return _as_json(value)


class ScheduledJobForm(forms.ModelForm):
    """`edit` is what the form asks for, once it is valid; nothing is written before it is carried out."""

    address = forms.RegexField(
        f"^{ADDRESS_PATTERN}$",
        label="Job",
        help_text="namespace/job: lower-case letters, digits, '.', '_' and '-'.",
    )
    definition = DefinitionField(
        initial=_EXAMPLE,
        help_text="The keys that a job has in a job file: one of cron, every, at, rrule or solar in "
        "'schedule', several of them by name in 'schedules'.",
    )
    digest = forms.CharField(required=False, widget=forms.HiddenInput)
    """Of the definition that was read: whoever saves second does not undo the first."""

    edit: ApiEdit

    class Meta:
        model = ScheduledJob
        fields = ("address",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["address"].disabled = True
            self.fields["definition"].initial = stored_definition(self.instance)
            self.fields["digest"].initial = self.instance.digest

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self.edit = self._edit(cleaned)
            self._refuse_mistakes()
        return cleaned

    def _edit(self, cleaned: Mapping[str, Any]) -> ApiEdit:
        definition, address = cleaned["definition"], cleaned["address"]
        if self.instance.pk is None:
            return ApiEdit(address, creation(definition, own_keyring()))
        return ApiEdit(address, replacement(definition, own_keyring()), cleaned["digest"])

    def _refuse_mistakes(self) -> None:
        try:
            with own_transaction() as connection:
                plan_edit(connection, self.edit)
        except JobrunnerError as error:
            self.add_error("definition", f"{error.message} {error.hint}".strip())

    def clean_definition(self) -> Mapping[str, Any]:
        definition = self.cleaned_data["definition"]
        if not isinstance(definition, Mapping):
            raise forms.ValidationError("A definition is an object: {…}.")
        return definition


def stored_definition(job: ScheduledJob) -> Mapping[str, Any]:
    """The keys of a job as its file or its maker has given them; {} when this version cannot read them."""
    with own_transaction() as connection:
        stored = get_job(connection, job.address).definition
    return written_definition(stored) or {}


def definition_text(job: ScheduledJob) -> str:
    """The same, to be read."""
    return _as_json(stored_definition(job))


def _as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
