"""For Django projects: runs in Django's transactions, settings from jobrunner's, pages in the admin.

    INSTALLED_APPS = [..., "jobrunner.contrib.django"]
    DATABASES = {"default": database_from_environment()}

Workers, `run --local` and import checks set Django up where DJANGO_SETTINGS_MODULE is set.
"""

from jobrunner.contrib.django.database import database_from_environment
from jobrunner.contrib.django.triggering import trigger, trigger_on_commit

__all__ = ["database_from_environment", "trigger", "trigger_on_commit"]
