"""What watches the tasks is jobrunner's app, all else is Django's; one server for both."""

import os
from collections.abc import Mapping

from django.core.asgi import get_asgi_application
from starlette.types import Receive, Scope, Send

from jobrunner.contrib.dashboard import make_dashboard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django = get_asgi_application()
monitoring = make_dashboard()

PREFIXES: Mapping[str, str] = {
    "/api/dashboard/celery/": "/api/dashboard/celery",
    "/api/dashboard/metrics/": "/api/dashboard",
}
"""What of the addresses goes to jobrunner, and the path below which it finds its own."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope.get("path", "")
    root_path = next((root for prefix, root in PREFIXES.items() if path.startswith(prefix)), None)
    if root_path is None:
        await django(scope, receive, send)
    else:
        await monitoring({**scope, "root_path": root_path}, receive, send)
