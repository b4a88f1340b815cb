"""Any other service: by the library apprise, which knows a hundred of them, each by its own scheme."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from jobrunner.errors import UsageError

_LINES_MAX = 3


class NotTaken(OSError):
    """The service has refused it, or was not reached."""


class Service:
    """One that an address stands for. To load the library takes a second and more.

    Raises ValueError for an address that is none of its own, UsageError where it is not installed.
    """

    def __init__(self, url: str) -> None:
        self._apprise = _load()
        asset = self._apprise.AppriseAsset(app_id="jobrunner", app_desc="jobrunner")
        self._services = self._apprise.Apprise(asset=asset)
        if not self._services.add(url):
            raise ValueError("no service that the library knows has such an address")

    def send(self, *, title: str, text: str, is_good: bool) -> str:
        """Raises NotTaken with what the library says."""
        kinds = self._apprise.NotifyType
        with _told() as lines:
            is_taken = self._services.notify(
                body=text,
                title=title,
                notify_type=kinds.SUCCESS if is_good else kinds.FAILURE,
                body_format=self._apprise.NotifyFormat.TEXT,
            )
        if not is_taken:
            raise NotTaken("; ".join(lines[-_LINES_MAX:]) or "it was not taken")
        return "taken by the service"


def _load() -> ModuleType:
    try:
        import apprise  # noqa: PLC0415  an extra: [alerts]
    except ImportError as error:
        raise UsageError(
            "Only web hooks and mail can be sent here: the library for other services is not installed.",
            hint="Install it with: pip install 'celery-jobrunner[alerts]'",
        ) from error
    return apprise


@contextmanager
def _told() -> Iterator[Sequence[str]]:
    """What the library logs within the block: of this message, and of none that was sent before."""
    handler = _Lines()
    logger = logging.getLogger("apprise")
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
