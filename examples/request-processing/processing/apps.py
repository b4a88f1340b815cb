"""The app of this project."""

from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"
