"""What a process needs that runs a Django project's code: the set-up that `manage.py` makes, and live
connections in the thread that coroutines share for the models. Celery closes those of plain code itself.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec


def set_up_django() -> None:
    """Before anything of the project is imported, where DJANGO_SETTINGS_MODULE is set and Django is
    installed; a second time it does nothing.

    Raises what the project's settings and apps raise. The project's folder is in `sys.path`.
    """
    if not os.environ.get("DJANGO_SETTINGS_MODULE") or find_spec("django") is None:
        return
    import django  # noqa: PLC0415  it costs those nothing who have no Django
    from django.apps import apps  # noqa: PLC0415

    if not apps.ready:
        django.setup()


async def close_connections_of_coroutines() -> None:
    """Before a coroutine is awaited, whose models would otherwise meet a connection that the server may
    have closed since the last one.
    """
    registry = sys.modules.get("django.apps")
    if registry is None or not registry.apps.ready:
        return  # a library that has looked for Django has no settings with databases
    from asgiref.sync import sync_to_async  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    await sync_to_async(connections.close_all)()


def _make_thread_of_coroutines_anew() -> None:
    """A fork takes no thread along, and the pool would wait for its own without end."""
    synchronous = sys.modules.get("asgiref.sync")
    if synchronous is not None:
        synchronous.SyncToAsync.single_thread_executor = ThreadPoolExecutor(max_workers=1)


os.register_at_fork(after_in_child=_make_thread_of_coroutines_anew)
