"""The app that stands in INSTALLED_APPS."""

from django.apps import AppConfig


class JobrunnerConfig(AppConfig):
    name = "jobrunner.contrib.django"
    label = "jobrunner"
    verbose_name = "Jobrunner"
