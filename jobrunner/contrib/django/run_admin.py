"""The admin's page of runs: what became of each, and what it wrote. Nothing is changed here."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobrunner.contrib.django.local_time import local
from jobrunner.contrib.django.models import Run
from jobrunner.contrib.django.own import own_transaction
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT, StoredPiece, read_pieces
from jobrunner.db.runs import Attempt, get_run
from jobrunner.wording.foreign_text import plain_output
from jobrunner.wording.states import STATES
from jobrunner.wording.times import took

_COUNTED_MAX = 10_000
_LOG_CHARACTERS = 64 * 1024
"""Of an attempt, the last ones are shown."""


class NewestRuns(Paginator):
    """Pages of the newest: to count millions of rows would take longer than to show them."""

    @cached_property
    def count(self) -> int:
        runs: Any = self.object_list
        return int(runs[:_COUNTED_MAX].count())


class RunAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs alone
    paginator = NewestRuns
    list_display = ("due", "job", "outcome", "lasted", "attempt", "told")
    list_filter = ("state", "trigger")
    list_select_related = ("job",)
    search_fields = ("job__address__startswith",)
    search_help_text = "The beginning of a job's address."
    ordering = ("-scheduled_for",)
    show_full_result_count = False
    fields = (
        "id", "job", "outcome", "trigger", "created_by", "due", "started", "finished",
        "lasted", "queue", "worker", "error", "attempts", "log",
    )  # fmt: skip
    readonly_fields = ("due", "started", "finished", "outcome", "lasted", "attempts", "log")

    class Media:
        css = {"all": ("jobrunner/admin.css",)}  # noqa: RUF012  as Django reads it

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        del request, obj
        return False

    @admin.display(description="scheduled for", ordering="scheduled_for")
    def due(self, run: Run) -> str:
        return local(run.scheduled_for)

    @admin.display(description="started")
    def started(self, run: Run) -> str:
        return local(run.started_at)

    @admin.display(description="finished")
    def finished(self, run: Run) -> str:
        return local(run.finished_at)

    @admin.display(description="state", ordering="state")
    def outcome(self, run: Run) -> str:
        return f"{STATES[run.state][0]} {run.state}"

    @admin.display(description="took")
    def lasted(self, run: Run) -> str:
        if run.started_at is None or run.finished_at is None:
            return ""
        return took(run.finished_at - run.started_at)

    @admin.display(description="error")
    def told(self, run: Run) -> str:
        return run.error or ""

    @admin.display(description="attempts")
    def attempts(self, run: Run) -> SafeString:
        with own_transaction() as connection:
            made = get_run(connection, run.id).attempts
        rows = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", map(_row, made)
        )
        traceback = next((one.traceback for one in reversed(made) if one.traceback), None)
        shown = (
            format_html('<pre class="jobrunner-output">{}</pre>', traceback) if traceback else ""
        )
        return format_html('<table class="jobrunner-attempts">{}</table>{}', rows, shown)

    @admin.display(description="log")
    def log(self, run: Run) -> str:
        with own_transaction() as connection:
            pieces = read_pieces(connection, run.id)
        if not pieces:
            return "It has written nothing."
        return format_html_join(
            "",
            '<h4>{}</h4><pre class="jobrunner-output">{}</pre>',
            ((_name(number), _text(list(own))) for number, own in groupby(pieces, _attempt_of)),
        )


def _row(attempt: Attempt) -> Sequence[str]:
    lasted = "" if attempt.finished_at is None else took(attempt.finished_at - attempt.started_at)
    return (str(attempt.number), attempt.state, lasted, attempt.error or "")


def _attempt_of(piece: StoredPiece) -> int:
    return piece.attempt


def _name(attempt: int) -> str:
    return "on_end" if attempt >= CLEAN_UP_ATTEMPT else f"Attempt {attempt}"


def _text(pieces: Sequence[StoredPiece]) -> str:
    written = plain_output("".join(piece.text for piece in pieces))
    if len(written) <= _LOG_CHARACTERS:
        return written
    return f"… (all of it: jobrunner runs logs)\n{written[-_LOG_CHARACTERS:]}"
