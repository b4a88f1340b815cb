"""The time zone of this machine, by its IANA name."""

from collections.abc import Mapping
from pathlib import Path

from jobrunner.schedule import ScheduleError, load_zone


def machine_zone(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """As cron and Celery take it; None where the machine has a clock and no name for its zone."""
    for name in (environ.get("TZ", "").lstrip(":"), _linked(root), _written(root)):
        try:
            # Some systems link to the copy of the zones with leap seconds, or to that without.
            return load_zone(name.removeprefix("posix/").removeprefix("right/")).key
        except ScheduleError:
            continue
    return None


def _linked(root: Path) -> str:
    try:
        target = (root / "etc/localtime").readlink()
    except OSError:
        return ""
    return str(target).rpartition("zoneinfo/")[2]


def _written(root: Path) -> str:
    try:
        return (root / "etc/timezone").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
