"""The fields of a form that a page has sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from jobrunner.errors import UsageError

_MEDIA_TYPE = "application/x-www-form-urlencoded"
_FIELDS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Form:
    """Names and values in the order of the form."""

    fields: Sequence[tuple[str, str]] = ()

    def text(self, name: str) -> str:
        """The last of that name; '' when there is none."""
        return next((value for found, value in reversed(self.fields) if found == name), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """All of that name."""
        return tuple(value for found, value in self.fields if found == name)


async def form_of(request: Request) -> Form:
    """Its fields; none for what is no form. Raises UsageError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        return Form()
    body = await request.body()
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as error:  # not ASCII, not UTF-8 below the percent signs, or too many
        raise _unreadable() from error
    if any("\0" in name + value for name, value in fields):  # no text of PostgreSQL holds it
        raise _unreadable()
    return Form(fields)


def _unreadable() -> UsageError:
    return UsageError("The form cannot be read.", hint="Load the page again and send it once more.")


HasForm = Annotated[Form, Depends(form_of)]
"""The type of a route's argument that takes them."""
