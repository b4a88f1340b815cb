"""A Django project is set up before anything of it is imported, as `manage.py` does it."""

import os
from importlib.util import find_spec


def set_up_django() -> None:
    """Where DJANGO_SETTINGS_MODULE is set and Django is installed; once a process.

    Raises what the project's settings and apps raise. The project is importable: its folder is in
    `sys.path`.
    """
    if not os.environ.get("DJANGO_SETTINGS_MODULE") or find_spec("django") is None:
        return
    import django  # noqa: PLC0415  it costs those nothing who have no Django
    from django.apps import apps  # noqa: PLC0415

    if not apps.ready:
        django.setup()
