"""The admin's page of schedules: all are seen, paused and run; those of the API are made and changed."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from sqlalchemy import Connection

from jobrunner.api_edits import carry_out
from jobrunner.coming import words_of
from jobrunner.contrib.django.local_time import local
from jobrunner.contrib.django.models import Schedule, ScheduledJob
from jobrunner.contrib.django.own import own_transaction
from jobrunner.contrib.django.schedule_form import ScheduledJobForm, definition_text
from jobrunner.contrib.django.triggering import trigger
from jobrunner.db.overview import ListedSchedule
from jobrunner.db.pauses import pause, pauses_in_force, resume
from jobrunner.db.wakeups import notify
from jobrunner.errors import JobrunnerError
from jobrunner.plan.pause import PauseInForce
from jobrunner.reconcile import ApiEdit
from jobrunner.reconcile.api_owned import deletion
from jobrunner.wording.places import place

_PAUSED_HERE = "in the admin pages"


class ScheduledJobs(ChangeList):
    """A page of jobs, each with the pauses that hold it."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        with own_transaction() as connection:
            in_force = pauses_in_force(connection)
        for job in self.result_list:
            job.pauses = [one for one in in_force if _covers(one, job)]


class ScheduledJobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs alone
    form = ScheduledJobForm
    list_display = ("address", "when", "next_run", "last_run", "runs_so_far", "status", "written")
    search_fields = ("address",)
    ordering = ("address",)
    actions = ("run_now", "pause_schedules", "resume_schedules")
    show_full_result_count = False

    class Media:
        css = {"all": ("jobrunner/admin.css",)}  # noqa: RUF012  as Django reads it

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        del request, kwargs
        return ScheduledJobs

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduledJob]:
        return super().get_queryset(request).prefetch_related(_IN_FORCE)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would pass by what a deletion is
        return actions

    def has_change_permission(self, request: HttpRequest, obj: ScheduledJob | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_api_owned)

    def has_delete_permission(self, request: HttpRequest, obj: ScheduledJob | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_api_owned)

    def get_fields(self, request: HttpRequest, obj: ScheduledJob | None = None) -> Sequence[Any]:
        if obj is None:
            return ("address", "definition")
        if self.has_change_permission(request, obj):
            return (("address", "digest"), "definition", *_STANDING)
        return ("address", "definition_in_force", *_STANDING, "how_to_change")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ScheduledJob | None = None
    ) -> tuple[str, ...]:
        del request, obj
        return ("definition_in_force", *_STANDING, "how_to_change")

    def save_model(
        self,
        request: HttpRequest,
        obj: ScheduledJob,
        form: Any,
        change: bool,  # noqa: FBT001  Django's
    ) -> None:
        action = "replace" if change else "create"
        self._carry_out(request, form.edit, action)
        # What is written in the log of the admin is the job that now is.
        obj.pk = ScheduledJob.objects.get(address=obj.address).pk

    def delete_model(self, request: HttpRequest, obj: ScheduledJob) -> None:
        self._carry_out(request, ApiEdit(obj.address, deletion(allow_protected=True)), "delete")

    def _carry_out(self, request: HttpRequest, edit: ApiEdit, action: str) -> None:
        with own_transaction() as connection:
            carry_out(connection, edit, action=action, author=request.user.get_username())

    @admin.action(description="Run the selected jobs now", permissions=["change"])
    def run_now(self, request: HttpRequest, chosen: QuerySet[ScheduledJob]) -> None:
        name = request.user.get_username()
        self._for_each(
            request, chosen, "Asked for a run of", lambda job: trigger(job.address, created_by=name)
        )

    @admin.action(description="Pause the selected jobs", permissions=["change"])
    def pause_schedules(self, request: HttpRequest, chosen: QuerySet[ScheduledJob]) -> None:
        name = request.user.get_username()

        def hold(connection: Connection, job: ScheduledJob) -> None:
            pause(connection, "job", job.address, reason=_PAUSED_HERE, paused_by=name, until=None)

        self._for_each(request, chosen, "Paused", lambda job: _with_beats_woken(hold, job))

    @admin.action(description="Resume the selected jobs", permissions=["change"])
    def resume_schedules(self, request: HttpRequest, chosen: QuerySet[ScheduledJob]) -> None:
        name = request.user.get_username()

        def let_go(connection: Connection, job: ScheduledJob) -> None:
            resume(connection, "job", job.address, resumed_by=name)

        self._for_each(request, chosen, "Resumed", lambda job: _with_beats_woken(let_go, job))

    def _for_each(
        self,
        request: HttpRequest,
        chosen: QuerySet[ScheduledJob],
        done: str,
        act: Callable[[ScheduledJob], object],
    ) -> None:
        for job in chosen:
            try:
                act(job)
            except JobrunnerError as error:
                told = f"{error.message} {error.hint}".strip()
                self.message_user(request, told, messages.ERROR)
            else:
                self.message_user(request, f"{done} {job}.", messages.SUCCESS)

    @admin.display(description="when")
    def when(self, job: ScheduledJob) -> str:
        return "; ".join(_words(job, one) for one in _schedules(job)) or "by hand"

    @admin.display(description="next run")
    def next_run(self, job: ScheduledJob) -> str:
        coming = [one.next_run_at for one in _schedules(job) if one.next_run_at is not None]
        return local(min(coming, default=None))

    @admin.display(description="last run")
    def last_run(self, job: ScheduledJob) -> str:
        past = [one.last_run_at for one in _schedules(job) if one.last_run_at is not None]
        return local(max(past, default=None))

    @admin.display(description="runs")
    def runs_so_far(self, job: ScheduledJob) -> int:
        return sum(one.total_run_count for one in _schedules(job))

    @admin.display(description="status")
    def status(self, job: ScheduledJob) -> str:
        if not job.enabled:
            return "○ disabled"
        errors = [one.error for one in _schedules(job) if one.error is not None]
        if errors:
            return f"✕ {errors[0]}"
        pauses: Sequence[PauseInForce] = getattr(job, "pauses", ())
        if pauses:
            return f"‖ paused by {pauses[0].paused_by}"
        return "● on"

    @admin.display(description="written in", ordering="file")
    def written(self, job: ScheduledJob) -> str:
        return place(job.file, job.line)

    @admin.display(description="to change it")
    def how_to_change(self, job: ScheduledJob) -> str:
        if job.is_api_owned:
            return "takes the right to change schedules."
        return f"edit {self.written(job)} and apply the files; here it can be paused and run."

    @admin.display(description="definition")
    def definition_in_force(self, job: ScheduledJob) -> str:
        return definition_text(job)


_IN_FORCE: "Prefetch[Any]" = Prefetch("schedules", Schedule.objects.filter(deleted_at=None))
_STANDING = ("when", "next_run", "last_run", "runs_so_far", "written")


def _schedules(job: ScheduledJob) -> list[Schedule]:
    return list(job.schedules.all())


def _words(job: ScheduledJob, schedule: Schedule) -> str:
    listed = ListedSchedule(
        schedule.name,
        schedule.spec,
        schedule.next_scheduled_for,
        schedule.next_run_at,
        schedule.last_run_at,
        schedule.total_run_count,
        schedule.error,
    )
    return words_of(job.address, listed) or "in words of a newer version"


def _covers(pause_in_force: PauseInForce, job: ScheduledJob) -> bool:
    queues = {job.queue, *(one.spec.get("queue") for one in _schedules(job))}
    return pause_in_force.covers(job.address, queues=queues, tags=job.tags)


def _with_beats_woken(act: Callable[[Connection, ScheduledJob], object], job: ScheduledJob) -> None:
    with own_transaction() as connection:
        act(connection, job)
        notify(connection)
