"""What Django's admin has of jobrunner: schedules and runs."""

from django.contrib import admin

from jobrunner.contrib.django.models import Run, ScheduledJob
from jobrunner.contrib.django.run_admin import RunAdmin
from jobrunner.contrib.django.schedule_admin import ScheduledJobAdmin

admin.site.register(ScheduledJob, ScheduledJobAdmin)
admin.site.register(Run, RunAdmin)
