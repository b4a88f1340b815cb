"""Any other service: by the library apprise, which knows a hundred of them, each by its own scheme."""

import logging

from jobrunner.alerts.message import Message
from jobrunner.errors import UsageError

_LINES_MAX = 3


class NotTaken(OSError):
    """The service has refused it, or was not reached."""


def send_to_service(url: str, message: Message, *, title: str, text: str) -> str:
    """Raises NotTaken with what the library says, ValueError for an address that is none of its own,
    and UsageError where it is not installed.
    """
    try:
        import apprise  # noqa: PLC0415  an extra: [alerts]
    except ImportError as error:
        raise UsageError(
            "Only web hooks and mail can be sent here: the library for other services is not installed.",
            hint="Install it with: pip install 'celery-jobrunner[alerts]'",
        ) from error
    told = _LastLines()
    logging.getLogger("apprise").addHandler(told)
    services = apprise.Apprise(asset=apprise.AppriseAsset(app_id="jobrunner", app_desc="jobrunner"))
    if not services.add(url):
        raise ValueError("no service that the library knows has such an address")
    kind = (
        apprise.NotifyType.SUCCESS if message.event == "recovered" else apprise.NotifyType.FAILURE
    )
    if not services.notify(
        body=text, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    ):
        raise NotTaken("; ".join(told.lines[-_LINES_MAX:]) or "the service did not take it")
    return "taken by the service"


class _LastLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
